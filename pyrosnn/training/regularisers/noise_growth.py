"""`noise-growth`: the reward of learned scales, less in each epoch (Learn2Perturb)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from pyrosnn.errors import require
from pyrosnn.noise.learned_scale import LearnedScale
from pyrosnn.training.regularisers.noises import noise_of
from pyrosnn.training.regularisers.regulariser import Regulariser

if TYPE_CHECKING:
    from pyrosnn.training.step import Step


@dataclass(frozen=True, kw_only=True)
class NoiseGrowth(Regulariser):
    r"""The reward of noise: $-\frac{λ}{H_t} \sum \sqrt{σ}$ over all learned scales σ.

    $H_t = \sum_{i \le t} 1/i$ with t the number of the epoch since the term began, from 1. The
    original takes a step of its own on this term, before one on the loss; here both are one step.

    References:
        A. Jeddi et al., Learn2Perturb, CVPR 2020, with λ = 1e-4: γ of their equation 7, as
        main.py of github.com/ArmenJeddi/Learn2Perturb says; the term is in its train.py.

    Example:
        >>> NoiseGrowth(weight=1e-4).start, round(harmonic(10), 4)
        (0, 2.929)
    """

    def penalty(self, step: "Step") -> Tensor:
        """Return the negative sum, the same for each image."""
        _, noise = noise_of(step, LearnedScale, "noise-growth", "l2p")
        require(
            noise.sigma_floor > 0,
            "noise-growth needs a sigma_floor > 0, got 0: at a scale of 0 its derivative is "
            "infinite; give --sigma-floor 0.01, or leave noise-growth out",
        )
        total = sum((sigma.sqrt().sum() for sigma in noise.sigma), step.x.new_zeros(()))
        return -(total / harmonic(step.epoch - self.start)).expand(len(step.x))


def harmonic(number: int) -> float:
    """Return the harmonic number 1 + 1/2 + … + 1/n.

    Args:
        number: n, at least 1.

    Example:
        >>> harmonic(1), harmonic(2)
        (1.0, 1.5)
    """
    return sum(1 / i for i in range(1, number + 1))
