"""`fgm`: the fast gradient (sign) method, one step along the loss gradient."""

from dataclasses import dataclass, replace
from typing import ClassVar

from torch import Tensor

from pyrosnn.attacks.gradient_attack import GradientAttack
from pyrosnn.attacks.maximised import Gradient
from pyrosnn.attacks.norms import NORMS
from pyrosnn.attacks.problem import Problem


@dataclass(frozen=True, kw_only=True)
class FGM(GradientAttack):
    r"""One step of full length: $\delta = \eta \, g / \|g\|_2$, or $\eta \operatorname{sign}(g)$.

    g is the loss gradient at x on the attack set. Each image is normalised by its own exact
    norm, so that the step is η long however small the gradient is. An image whose gradient is
    zero gets δ = 0 and a flag. In ℓ1 δ moves one pixel, that of the largest $|g_i|$.

    References:
        I. Goodfellow, J. Shlens, C. Szegedy, ICLR 2015; the l2 form as in CleverHans, but
        without its floor on the squared norm (1e-12 on a batch-mean loss), which shortens the
        step of images with small gradients.

    Example:
        >>> FGM(norm="l2", strength=1.5).loss
        'cross-entropy'
    """

    linear: ClassVar[bool] = True

    def run(self, problem: Problem, strength: float) -> Tensor:
        """Make the step; one gradient serves all strengths."""
        gradient = problem.gradient()
        inward = problem.inward(gradient.direction)
        return strength * self.step(replace(gradient, direction=inward))

    def step(self, gradient: Gradient) -> Tensor:
        """Return δ at strength 1, before clipping."""
        return NORMS[self.norm].steepest(gradient.direction)
