"""MatrixNormal against the dense Kronecker multivariate normal."""

from typing import Any

import pyro
import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, kl_divergence

from pyrosnn.errors import ArgumentError
from pyrosnn.noise.matrix_normal import MatrixNormal

ROWS, COLUMNS = 4, 3


def random_tril(size: int) -> Tensor:
    return torch.randn(size, size).double().tril(-1) + torch.diag(torch.rand(size).double() + 0.5)


def random_factors(row: str, column: str) -> dict[str, Any]:
    make = {"scale": lambda n: torch.rand(n).double() + 0.3, "tril": random_tril}
    return {f"row_{row}": make[row](ROWS), f"column_{column}": make[column](COLUMNS)}


def as_multivariate_normal(matrix: MatrixNormal) -> MultivariateNormal:
    """Columns stacked: vec(W) ~ N(vec(M), V ⊗ U)."""
    u = matrix.row.dense() @ matrix.row.dense().mT
    v = matrix.column.dense() @ matrix.column.dense().mT
    return MultivariateNormal(vec(matrix.loc), covariance_matrix=torch.kron(v, u))


def vec(w: Tensor) -> Tensor:
    return w.mT.flatten(-2)


forms = pytest.mark.parametrize("row", ["scale", "tril"])
column_forms = pytest.mark.parametrize("column", ["scale", "tril"])


@forms
@column_forms
def test_log_prob_equals_the_dense_normal(row: str, column: str) -> None:
    matrix = MatrixNormal(torch.randn(ROWS, COLUMNS).double(), **random_factors(row, column))
    w = torch.randn(7, ROWS, COLUMNS).double()
    torch.testing.assert_close(matrix.log_prob(w), as_multivariate_normal(matrix).log_prob(vec(w)))


@forms
@column_forms
@pytest.mark.parametrize("prior", ["scale", "tril"])
def test_kl_equals_the_dense_normal(row: str, column: str, prior: str) -> None:
    p = MatrixNormal(torch.randn(ROWS, COLUMNS).double(), **random_factors(row, column))
    q = MatrixNormal(torch.randn(ROWS, COLUMNS).double(), **random_factors(prior, prior))
    expected = kl_divergence(as_multivariate_normal(p), as_multivariate_normal(q))
    torch.testing.assert_close(kl_divergence(p, q), expected)


def test_kl_to_the_standard_normal_is_the_papers_formula() -> None:
    r, c = torch.rand(ROWS).double() + 0.1, torch.rand(COLUMNS).double() + 0.1
    mean = torch.randn(ROWS, COLUMNS).double()
    p = MatrixNormal(mean, row_scale=r, column_scale=c)
    q = MatrixNormal(
        torch.zeros_like(mean), row_scale=torch.ones_like(r), column_scale=torch.ones_like(c)
    )
    formula = 0.5 * (
        (r**2).sum() * (c**2).sum()
        + (mean**2).sum()
        - ROWS * COLUMNS
        - COLUMNS * (r**2).log().sum()
        - ROWS * (c**2).log().sum()
    )
    torch.testing.assert_close(kl_divergence(p, q), formula)


@pytest.mark.statistical
@forms
@column_forms
def test_draws_have_the_mean_and_covariance(row: str, column: str) -> None:
    # fixed seed; entries of the covariance have a standard error below 0.02 · max variance
    matrix = MatrixNormal(torch.randn(ROWS, COLUMNS).double(), **random_factors(row, column))
    draws = vec(matrix.rsample((200_000,)))
    dense = as_multivariate_normal(matrix)
    largest = float(dense.covariance_matrix.diagonal().max())
    assert (draws.mean(0) - dense.mean).abs().max() < 0.01 * largest**0.5 * 5
    assert (draws.T.cov() - dense.covariance_matrix).abs().max() < 0.02 * largest
    torch.testing.assert_close(
        vec(matrix.variance), dense.covariance_matrix.diagonal(), check_stride=False
    )


def test_gradients_reach_mean_and_factors() -> None:
    parameters = {"loc": torch.zeros(2, 3), "row": torch.ones(2), "column": torch.ones(3)}
    leaves = {name: value.requires_grad_() for name, value in parameters.items()}
    draw = MatrixNormal(
        leaves["loc"], row_scale=leaves["row"], column_scale=leaves["column"]
    ).rsample()
    draw.square().sum().backward()
    for name, value in leaves.items():
        assert value.grad is not None, name
        assert value.grad.abs().sum() > 0, name


@forms
def test_expand_and_plates_keep_the_distribution(row: str) -> None:
    factors = random_factors(row, "scale")
    matrix = MatrixNormal(torch.randn(ROWS, COLUMNS).double(), **factors)
    wide = matrix.expand((5, 1))
    assert wide.batch_shape == (5, 1)
    w = torch.randn(5, 1, ROWS, COLUMNS).double()
    torch.testing.assert_close(wide.log_prob(w), matrix.log_prob(w))
    with pyro.plate("samples", 5, dim=-1):
        drawn = pyro.sample("w", matrix)
    assert drawn.shape == (5, ROWS, COLUMNS)
    assert not torch.equal(drawn[0], drawn[1])


def test_errors_name_the_argument() -> None:
    loc = torch.zeros(2, 3)
    with pytest.raises(ArgumentError, match="exactly one of row_scale and row_tril"):
        MatrixNormal(loc, column_scale=torch.ones(3))
    with pytest.raises(ArgumentError, match=r"loc has shape \(2, 3\), expected \(…, 2, 4\)"):
        MatrixNormal(loc, row_scale=torch.ones(2), column_scale=torch.ones(4))
    with pytest.raises(ArgumentError, match=r"row scales must be > 0, got -1\.0"):
        MatrixNormal(loc, row_scale=-torch.ones(2), column_scale=torch.ones(3), validate_args=True)
    with pytest.raises(ArgumentError, match="row_tril must be zero above its diagonal"):
        MatrixNormal(loc, row_tril=torch.ones(2, 2), column_scale=torch.ones(3), validate_args=True)
