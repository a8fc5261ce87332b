"""`spsa`: steps along a gradient that is estimated from losses alone."""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from pyrosnn.attacks.norms import length, per_image
from pyrosnn.attacks.problem import Problem
from pyrosnn.attacks.selecting_attack import SelectingAttack
from pyrosnn.attacks.step_sizes import require_reach
from pyrosnn.sampling import SampleSet
from pyrosnn.shapes import Images

KEPT = 0.9  # share of the running mean of estimates that a step keeps


@dataclass(frozen=True, kw_only=True)
class SPSA(SelectingAttack):
    r"""Steps along a gradient that is estimated from losses alone.

    $\hat g = \frac1K \sum_k \frac{L(x + r u_k) - L(x - r u_k)}{2 r} u_k$ with random signs $u_k$.
    Both losses of a difference are those of the same samples A (common random numbers), so that
    sampling noise cancels. L is the loss of the settings, on the average that ``gradient`` names.

    By default it makes one step of length η. Many steps are those of ``PGD`` along a running mean
    of the estimates (in ℓ∞ Adam's direction): each has directions of its own and fresh samples, and
    is projected onto the ball. Each image then keeps the point that has the smallest margin on a
    selection set V.

    Attributes:
        directions: number of random directions, K; each takes two evaluations of the loss.
        radius: shift of every pixel in these evaluations, ± r, as a share of the width of
            ``clip``; without ``clip`` in pixel units.
        steps: number of steps.
        relative_step: step size as a share of the strength, where there are many.

    References:
        J. Spall, IEEE Trans. Automatic Control 37, 1992; J. Uesato et al., ICML 2018.

    Example:
        >>> SPSA(strength=1.5, directions=128).radius
        0.01
    """

    directions: Annotated[int, Ge(1)] = 64
    radius: Annotated[float, Gt(0)] = 0.01
    steps: Annotated[int, Ge(1)] = 1
    relative_step: Annotated[float, Gt(0)] = 0.1

    linear: ClassVar[bool] = True
    follows_gradient: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            ArgumentError: ``steps must be >= 1, got 0``; for many steps that do not reach the
                strength.
        """
        super().__post_init__()
        if self.steps > 1:
            require_reach(self.steps, self.relative_step)

    @property
    def is_linear(self) -> bool:
        """Whether it makes one step: many depend on the strength."""
        return self.steps == 1

    @property
    def one_step(self) -> "SPSA":
        """The same estimate with one step of length η."""
        return replace(self, steps=1)

    def run(self, problem: Problem, strength: float) -> Tensor:
        """Make the steps; one estimate serves all strengths, of many steps V chooses the end."""
        if self.steps == 1:
            return strength * problem.norm.steepest(problem.inward(self._estimate(problem)))
        delta, mean = torch.zeros_like(problem.x), torch.zeros_like(problem.x)
        for step, page in zip(range(self.steps), problem.pages(fixed=False), strict=False):
            mean = KEPT * mean + (1 - KEPT) * self._estimate(problem, delta, page, step)
            uphill = problem.norm.steepest(problem.inward(mean, delta))
            move = self.relative_step * strength * uphill
            delta = problem.project(delta + move, strength)
            problem.decide(delta)
        return problem.archive.delta

    def _estimate(
        self,
        problem: Problem,
        delta: Images | float = 0.0,
        page: SampleSet | None = None,
        step: int = 0,
    ) -> Images:
        """Return the sum of differences along random directions, a multiple of the estimate.

        Args:
            problem: the loss.
            delta: δ around which it is estimated; 0 for x itself.
            page: samples of both losses of a difference; None for A.
            step: number of the step, which has directions of its own.
        """
        x = problem.x
        with problem.random("spsa", *([step] if step else [])):
            bits = torch.randint(0, 2, (self.directions, *x.shape), device=x.device)
        estimate = torch.zeros_like(x)
        for u in (2 * bits - 1).to(x.dtype):
            shift = self.radius * self.pixel_range * u
            rise = problem.value(delta + shift, page) - problem.value(delta - shift, page)
            estimate += per_image(rise, x).to(x.dtype) * u
        problem.saw(length(estimate) != 0)
        return estimate
