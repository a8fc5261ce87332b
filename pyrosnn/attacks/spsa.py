"""`spsa`: one step along a gradient that is estimated from losses alone."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from pyrosnn.attacks.gradient_attack import GradientAttack
from pyrosnn.attacks.norms import length, per_image
from pyrosnn.attacks.problem import Problem


@dataclass(frozen=True, kw_only=True)
class SPSA(GradientAttack):
    r"""One step along a gradient that is estimated from losses alone.

    $\hat g = \frac1K \sum_k \frac{L(x + r u_k) - L(x - r u_k)}{2 r} u_k$ with random signs $u_k$.
    Both losses of a difference are those of the same samples A (common random numbers), so that
    sampling noise cancels. L is the loss of the settings, on the average that ``gradient`` names.

    Attributes:
        directions: number of random directions, K; each takes two evaluations of the loss.
        radius: shift of every pixel in these evaluations, ± r, in pixel units.

    References:
        J. Spall, IEEE Trans. Automatic Control 37, 1992; J. Uesato et al., ICML 2018.

    Example:
        >>> SPSA(strength=1.5, directions=128).radius
        0.01
    """

    directions: Annotated[int, Ge(1)] = 64
    radius: Annotated[float, Gt(0)] = 0.01

    linear: ClassVar[bool] = True
    follows_gradient: ClassVar[bool] = False

    def run(self, problem: Problem, strength: float) -> Tensor:
        """Make the step; one estimate serves all strengths."""
        x = problem.x
        with problem.random("spsa"):
            bits = torch.randint(0, 2, (self.directions, *x.shape), device=x.device)
        estimate = torch.zeros_like(x)
        for u in (2 * bits - 1).to(x.dtype):
            rise = problem.value(self.radius * u) - problem.value(-self.radius * u)
            estimate += per_image(rise, x).to(x.dtype) * u
        problem.saw(length(estimate) != 0)
        return strength * problem.norm.steepest(problem.inward(estimate))
