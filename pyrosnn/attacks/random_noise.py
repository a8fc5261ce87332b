"""`random`: the worst of a few random perturbations, a control for every attack."""

from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from pyrosnn.attacks.attack import Attack
from pyrosnn.attacks.problem import Problem
from pyrosnn.sampling import SampleSet


@dataclass(frozen=True, kw_only=True)
class RandomNoise(Attack):
    r"""The worst of random δ of norm η: what an attack must beat.

    A draw is a step of FGM along a normal u in place of a gradient: in ℓ2 $\eta \, u / \|u\|$,
    uniform on the sphere, in ℓ∞ η with random signs. Each image keeps the draw that has the
    smallest margin on a selection set V. Neither a gradient nor the attack set is used.

    Attributes:
        draws: number of random δ of each image.
        selection_samples: number of samples in V, S_V; they are the same for all draws.

    Example:
        >>> RandomNoise(norm="linf", strength=0.1, draws=1).draws
        1
    """

    draws: Annotated[int, Ge(1)] = 10
    selection_samples: Annotated[int, Ge(1)] = 100

    def num_selection(self, samples: SampleSet) -> int:
        """Return S_V, the samples in V."""
        return self.selection_samples

    def run(self, problem: Problem, strength: float) -> Tensor:
        """Draw; return what V finds worst."""
        for draw in range(self.draws):
            with problem.random("random", problem.samples.origin.start, draw):
                direction = torch.randn_like(problem.x)
            moved = strength * problem.norm.steepest(direction)
            problem.decide(problem.project(moved, strength))
        return problem.archive.delta
