"""`diverse-directions`: how unevenly the pixels share the variance of the gradient."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from pyrosnn.errors import require
from pyrosnn.settings import RARE
from pyrosnn.training.regularisers.regulariser import Regulariser

if TYPE_CHECKING:
    from pyrosnn.training.spec import TrainingSpec
    from pyrosnn.training.step import Step

SMALLEST = 1e-12  # share of a pixel, below which it has no derivative


def unevenness(variances: Tensor) -> Tensor:
    r"""Return $1 - H(v / \sum_i v_i) / \log d$: 0 for equal variances, 1 for a single one.

    Args:
        variances: v, shape (…, dimension).

    Example:
        >>> unevenness(torch.tensor([[1.0, 1.0], [3.0, 0.0]]))
        tensor([0., 1.])
    """
    dimension = variances.shape[-1]
    shares = variances / variances.sum(-1, keepdim=True)
    entropy: Tensor = torch.special.entr(shares.clamp(min=SMALLEST)).sum(-1)
    return 1 - entropy / math.log(max(dimension, 2))


@dataclass(frozen=True, kw_only=True)
class DiverseDirections(Regulariser):
    r"""A penalty on gradients whose variance is that of a few pixels, after Bender et al.

    Let $v_i$ be the variance over samples of $\partial \log p_y / \partial x_i$, the derivative
    at pixel i. The penalty is $1 - H(v / \sum_i v_i) / \log d$ with the entropy H: 0 where all
    pixels have the same variance. ``log_variance`` subtracts the mean of $\log v_i$, too, so that
    no variance vanishes. The authors' formula was not at hand: this one has their aim, uncertainty
    that all pixels share. White noise in the gradients reaches it as well.

    Attributes:
        log_variance: weight of the mean logarithm of the variances, which is subtracted.
        floor: smallest root of an image's summed variances; below it there is no penalty.

    References:
        C. Bender et al., Defense through diverse directions, ICML 2020.

    Example:
        >>> DiverseDirections(weight=1.0).log_variance
        0.0
    """

    log_variance: Annotated[float, Ge(0)] = 0.0
    floor: Annotated[float, Gt(0), RARE] = 1e-5

    def check(self, spec: "TrainingSpec") -> None:
        """Refuse fewer than three particles: two deviations are equal up to their sign."""
        require(
            spec.num_particles >= 3,
            "diverse-directions needs the variance of the particles' gradients: num_particles must "
            f"be >= 3, got {spec.num_particles}",
        )

    def penalty(self, step: "Step") -> Tensor:
        """Return the penalty of each image; 0 where the gradients hardly vary."""
        variances = step.input_gradients.flatten(2).var(0)
        kept = variances.detach().sum(-1) >= self.floor**2
        step.setting.left_out.add("diverse-directions", ~kept)
        safe = torch.where(kept.unsqueeze(-1), variances, 1.0)
        penalty = unevenness(safe)
        if self.log_variance > 0:
            smallest = SMALLEST * safe.detach().sum(-1, keepdim=True)
            logs = torch.maximum(safe, smallest).log()
            penalty = penalty - self.log_variance * logs.mean(-1)
        return torch.where(kept, penalty, 0.0)
