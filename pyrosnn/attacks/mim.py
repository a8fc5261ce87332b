"""`mim`: the momentum iterative method, steps along a running sum of gradients."""

from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from pyrosnn.attacks.attack import Attack
from pyrosnn.attacks.fgm import FGM
from pyrosnn.attacks.norms import per_image
from pyrosnn.attacks.problem import Problem
from pyrosnn.attacks.selecting_attack import SelectingAttack


@dataclass(frozen=True, kw_only=True)
class MIM(SelectingAttack):
    r"""Steps of η / ``steps`` along a running sum of gradients, $v \leftarrow \mu v + g / \|g\|_1$.

    They begin at x, and each has its own gradient and, by default, its own samples. Each image
    keeps the point that has the smallest margin on a selection set V.

    Attributes:
        steps: number of steps.
        momentum: share of the sum that a step keeps, μ.
        fixed_samples: use the attack set in every step, instead of fresh samples.

    References:
        Y. Dong et al., Boosting adversarial attacks with momentum, CVPR 2018, algorithm 1.

    Example:
        >>> MIM(norm="linf", strength=0.1).momentum
        1.0
    """

    steps: Annotated[int, Ge(1)] = 10
    momentum: Annotated[float, Ge(0)] = 1.0
    fixed_samples: bool = False

    @property
    def one_step(self) -> Attack:
        """FGM, which the first step is, at full length."""
        return FGM(**self.shared)

    def run(self, problem: Problem, strength: float) -> Tensor:
        """Make the steps from x; return what V finds worst."""
        here = velocity = torch.zeros_like(problem.x)
        pages = problem.pages(fixed=self.fixed_samples)
        for _, page in zip(range(self.steps), pages, strict=False):
            gradient = problem.gradient(here, page).direction
            sums = per_image(gradient.flatten(1).abs().sum(1), gradient)
            velocity = self.momentum * velocity + gradient / torch.where(sums > 0, sums, 1.0)
            uphill = problem.norm.steepest(problem.inward(velocity, here))
            move = strength / self.steps * uphill
            here = problem.project(here + move, strength)
            problem.decide(here)
        return problem.archive.delta
