r"""The matrix normal distribution, with dense or diagonal row and column covariances."""

import math
from typing import Any, ClassVar

import torch
from pyro.distributions import TorchDistribution
from torch import Tensor
from torch.distributions import constraints
from torch.distributions.kl import register_kl

from pyrosnn.errors import ArgumentError, brief
from pyrosnn.settings import called_rightly


def _require_floats(name: str, value: Any, ndim: int) -> None:
    """Refuse anything but a tensor of floating-point numbers with so many axes at least."""
    floats = isinstance(value, Tensor) and value.is_floating_point() and value.ndim >= ndim
    if not floats:
        raise ArgumentError(
            f"{name} must be a floating-point tensor with at least {ndim} axes, got {brief(value)}"
        )


class _Factor:
    """A factor A of a covariance A Aᵀ: a vector of scales (diagonal) or a lower triangle."""

    def __init__(self, scale: Tensor | None, tril: Tensor | None, name: str):
        factors = [value for value in (scale, tril) if value is not None]
        if len(factors) != 1:
            raise ArgumentError(f"give exactly one of {name}_scale and {name}_tril")
        self.value = factors[0]
        self.diagonal = scale is not None
        kind, ndim = ("scale", 1) if self.diagonal else ("tril", 2)
        _require_floats(f"{name}_{kind}", self.value, ndim)
        self.name = name
        self.batch_shape = self.value.shape[: -1 if self.diagonal else -2]

    def validate(self) -> None:
        """Refuse scales that are not positive, and matrices that are not lower triangular."""
        scales = self.value if self.diagonal else self.value.diagonal(dim1=-2, dim2=-1)
        if not bool((scales > 0).all()):
            raise ArgumentError(f"{self.name} scales must be > 0, got {float(scales.min())}")
        if not self.diagonal and not torch.equal(self.value, self.value.tril()):
            raise ArgumentError(f"{self.name}_tril must be zero above its diagonal")

    @property
    def size(self) -> int:
        return self.value.shape[-1]

    def matmul(self, x: Tensor) -> Tensor:
        """Return A x."""
        return self.value.unsqueeze(-1) * x if self.diagonal else self.value @ x

    def solve(self, x: Tensor) -> Tensor:
        """Return A⁻¹ x."""
        if self.diagonal:
            return x / self.value.unsqueeze(-1)
        solution: Tensor = torch.linalg.solve_triangular(self.value, x, upper=False)
        return solution

    def log_det(self) -> Tensor:
        """Return log |A|."""
        scales = self.value if self.diagonal else self.value.diagonal(dim1=-2, dim2=-1)
        return scales.log().sum(-1)

    def dense(self) -> Tensor:
        return self.value.diag_embed() if self.diagonal else self.value

    def trace_ratio(self, other: "_Factor") -> Tensor:
        """Return tr((B Bᵀ)⁻¹ A Aᵀ) for ``other`` = B, that is ‖B⁻¹ A‖² (Frobenius)."""
        if self.diagonal and other.diagonal:
            return (self.value / other.value).square().sum(-1)
        return other.solve(self.dense()).square().sum((-2, -1))


class MatrixNormal(TorchDistribution):
    r"""Distribution of $W = M + A E C^\top$ with i.i.d. standard normal entries in $E$.

    The rows have covariance $U = A A^\top$ and the columns $V = C C^\top$:
    $\mathrm{vec}(W) \sim \mathcal N(\mathrm{vec}(M), V \otimes U)$ (columns stacked). Each factor
    is a vector of scales (``*_scale``, a diagonal covariance, the fast case) or a lower
    triangle with positive diagonal (``*_tril``, any covariance).

    Args:
        loc: mean M, shape (*batch, rows, columns).
        row_scale: standard deviations of the rows, shape (*batch, rows).
        column_scale: standard deviations of the columns, shape (*batch, columns).
        row_tril: lower triangle A, shape (*batch, rows, rows).
        column_tril: lower triangle C, shape (*batch, columns, columns).
        validate_args: check the arguments; torch's default when None.

    Raises:
        ArgumentError: unless exactly one form of each factor is given, and the sizes agree; with
            validation, for scales that are not positive or a full matrix as triangle.

    References:
        A. K. Gupta, D. K. Nagar, Matrix Variate Distributions, 1999, chapter 2;
        C. Louizos, M. Welling, ICML 2016, equation 6 (its diagonal use as a posterior).

    Example:
        >>> import torch
        >>> q = MatrixNormal(torch.zeros(3, 2), row_scale=torch.ones(3), column_scale=torch.ones(2))
        >>> q.rsample((5,)).shape, round(q.log_prob(torch.zeros(3, 2)).item(), 4)
        (torch.Size([5, 3, 2]), -5.5136)
    """

    has_rsample = True
    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {
        "loc": constraints.independent(constraints.real, 2)
    }
    support = constraints.independent(constraints.real, 2)

    @called_rightly
    def __init__(
        self,
        loc: Tensor,
        *,
        row_scale: Tensor | None = None,
        column_scale: Tensor | None = None,
        row_tril: Tensor | None = None,
        column_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ):
        _require_floats("loc", loc, 2)
        self.row = _Factor(row_scale, row_tril, "row")
        self.column = _Factor(column_scale, column_tril, "column")
        if loc.ndim < 2 or loc.shape[-2:] != (self.row.size, self.column.size):
            raise ArgumentError(
                f"loc has shape {tuple(loc.shape)}, expected (…, {self.row.size}, "
                f"{self.column.size}) from the row and column factors"
            )
        batch_shape = torch.broadcast_shapes(
            loc.shape[:-2], self.row.batch_shape, self.column.batch_shape
        )
        self.loc = loc
        super().__init__(batch_shape, loc.shape[-2:], validate_args=validate_args)
        if self._validate_args:
            self.row.validate()
            self.column.validate()

    def expand(self, batch_shape: Any, _instance: Any = None) -> "MatrixNormal":
        """Return the same distribution with a larger batch shape.

        The parameters are not expanded: values shared by a batch are computed once.
        """
        make: Any = self._get_checked_instance  # untyped
        expanded: MatrixNormal = make(MatrixNormal, _instance)
        expanded.row, expanded.column, expanded.loc = self.row, self.column, self.loc
        super(MatrixNormal, expanded).__init__(
            torch.Size(batch_shape), self.event_shape, validate_args=False
        )
        return expanded

    @property
    def mean(self) -> Tensor:
        """The mean M."""
        return self.loc.expand(self.batch_shape + self.event_shape)

    @property
    def variance(self) -> Tensor:
        """The variance of each entry: diag(U) diag(V)ᵀ."""
        rows = self.row.dense().square().sum(-1)
        columns = self.column.dense().square().sum(-1)
        entries = rows.unsqueeze(-1) * columns.unsqueeze(-2)
        return entries.expand(self.batch_shape + self.event_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draw W, differentiable in M, A and C; shape (*sample_shape, *batch, rows, columns)."""
        noise = torch.randn(
            self._extended_shape(torch.Size(sample_shape)),
            dtype=self.loc.dtype,
            device=self.loc.device,
        )
        if self.row.diagonal and self.column.diagonal:
            # one pass over the noise: the outer product of the scales is small and shared
            scale = self.row.value.unsqueeze(-1) * self.column.value.unsqueeze(-2)
            return torch.addcmul(self.loc, noise, scale)
        return self.loc + self.column.matmul(self.row.matmul(noise).mT).mT

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log density at W, shape (*sample, *batch)."""
        if self._validate_args:
            self._validate_sample(value)
        rows, columns = self.event_shape
        white = self.column.solve(self.row.solve(value - self.loc).mT)
        normalizer = (
            columns * self.row.log_det()
            + rows * self.column.log_det()
            + 0.5 * rows * columns * math.log(2 * math.pi)
        )
        densities = -0.5 * white.square().sum((-2, -1)) - normalizer
        return densities.expand(torch.broadcast_shapes(densities.shape, self.batch_shape))


def _kl_matrix_normal(p: MatrixNormal, q: MatrixNormal) -> Tensor:
    r"""Return KL(p ‖ q), shape batch.

    With q = MN(0, I, I) and diagonal p this is
    $\frac12(\sum r^2 \sum c^2 + \|M\|^2 - d_{in}d_{out} - d_{out}\sum\log r^2
    - d_{in}\sum\log c^2)$ (Louizos & Welling 2016, equation 8).
    """
    rows, columns = p.event_shape
    white = q.column.solve(q.row.solve(p.loc - q.loc).mT)
    log_ratio = columns * (q.row.log_det() - p.row.log_det()) + rows * (
        q.column.log_det() - p.column.log_det()
    )
    traces = p.row.trace_ratio(q.row) * p.column.trace_ratio(q.column)
    divergence = 0.5 * (traces + white.square().sum((-2, -1)) - rows * columns) + log_ratio
    return divergence.expand(torch.broadcast_shapes(p.batch_shape, q.batch_shape))


register_kl(MatrixNormal, MatrixNormal)(_kl_matrix_normal)
