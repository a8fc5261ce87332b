"""A symmetric law with tails like Weibull's, of which the density is flat at 0."""

from typing import Any, ClassVar

import torch
from pyro.distributions import TorchDistribution, constraints
from torch import Tensor

CORNER = (2 / 3) ** (1 / 3)  # a: with it the density has the derivative 0 at 0
DEVIATION = 0.3426160  # standard deviation of the law before it is divided by it


class SymmetricWeibull(TorchDistribution):
    r"""The law of $τ\, ((-\ln U + a^3)^{1/3} - a) / c$ with a random sign τ and U uniform.

    $a = (2/3)^{1/3}$, and c makes the standard deviation 1. Its tails fall as $e^{-(c|x| + a)^3}$.

    Args:
        loc: mean, and so shape of a batch; it only gives device and type otherwise.

    References:
        R. Pinot et al., Theoretical evidence for adversarial robustness through randomization,
        NeurIPS 2019: the noise ``weibull`` of its code, with k = 3.

    Example:
        >>> SymmetricWeibull(torch.zeros(())).expand((4,)).sample((3,)).shape
        torch.Size([3, 4])
    """

    arg_constraints: ClassVar[dict[str, Any]] = {}
    support = constraints.real
    has_rsample = False

    def __init__(self, loc: Tensor):
        self.loc = loc
        super().__init__(loc.shape, validate_args=False)

    @property
    def mean(self) -> Tensor:
        """The mean."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """The variance, 1."""
        return torch.ones_like(self.loc)

    def expand(self, batch_shape: Any, _instance: Any = None) -> "SymmetricWeibull":
        """Return the law of more independent numbers."""
        return SymmetricWeibull(self.loc.expand(batch_shape))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draw numbers, shape (*sample_shape, *batch)."""
        shape = self._extended_shape(torch.Size(sample_shape))
        exponential = torch.empty(shape, dtype=self.loc.dtype, device=self.loc.device)
        exponential.exponential_()
        size = ((exponential + CORNER**3).pow(1 / 3) - CORNER) / DEVIATION
        sign = torch.randint(2, shape, dtype=self.loc.dtype, device=self.loc.device) * 2 - 1
        return self.loc + sign * size

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-density, shape of the value."""
        at = DEVIATION * (value - self.loc).abs() + CORNER
        scale = torch.tensor(1.5 * DEVIATION)
        return CORNER**3 - at**3 + 2 * at.log() + scale.log()
