"""An attack: steps with momentum, whose directions are those of the signs of the gradients' sum."""

from dataclasses import dataclass, replace
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from pyrosnn.attacks import GradientAttack, Problem
from pyrosnn.attacks.norms import per_image


@dataclass(frozen=True, kw_only=True)
class Momentum(GradientAttack):
    """MIM: steps of η / ``steps`` along an accumulated gradient.

    Attributes:
        steps: number of steps.
        decay: share of the accumulated gradient that a step keeps.

    References:
        Y. Dong et al., Boosting adversarial attacks with momentum, CVPR 2018.
    """

    steps: Annotated[int, Ge(1)] = 4
    decay: Annotated[float, Ge(0)] = 1.0

    @property
    def one_step(self) -> "Momentum":
        return replace(self, steps=1)

    def run(self, problem: Problem, strength: float) -> Tensor:
        delta = torch.zeros_like(problem.x)
        kept = torch.zeros_like(problem.x)
        for _, page in zip(range(self.steps), problem.pages(fixed=False), strict=False):
            gradient = problem.gradient(delta, page).direction
            sums = gradient.flatten(1).abs().sum(1).clamp(min=1e-30)
            kept = self.decay * kept + gradient / per_image(sums, gradient)
            move = strength / self.steps * problem.norm.steepest(kept)
            delta = problem.project(delta + move, strength)
        return delta
