"""`random`: the worst of a few random perturbations, a control for every attack."""

from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from pyrosnn.attacks.attack import Attack
from pyrosnn.attacks.norms import Norm, per_image
from pyrosnn.attacks.problem import Problem
from pyrosnn.sampling import SampleSet
from pyrosnn.shapes import Images

# Times that a clipped δ is lengthened to η and clipped again.
ROUNDS = 8


@dataclass(frozen=True, kw_only=True)
class RandomNoise(Attack):
    r"""The worst of random δ of norm η: what an attack must beat.

    Draws are uniform on the sphere of ℓ2 or ℓ1; in ℓ∞ they are η with random signs. Each image
    keeps the draw that has the smallest margin on a selection set V. Neither a gradient nor the
    attack set is used.

    With ``clip``, an entry changes its sign where that leaves more of it within the bounds, and
    what clipping takes is made up for by the other entries: the norm is η wherever the bounds have
    room for it.

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
                delta = strength * on_sphere(problem.norm, problem.x)
            if self.clip is not None:
                delta = stretched(problem, delta, strength)
            problem.decide(problem.project(delta, strength))
        return problem.archive.delta


def on_sphere(norm: Norm, like: Images) -> Images:
    """Draw perturbations of norm 1, all of whose entries are moved."""
    if not norm.sparse:
        return norm.steepest(torch.randn_like(like))
    drawn = norm.draw(like, 1.0)
    return drawn / per_image(norm.measure(drawn), drawn)


def stretched(problem: Problem, delta: Images, strength: float) -> Images:
    """Return δ within the clipping bounds, of norm η if they have room for it.

    Args:
        problem: what knows the bounds.
        delta: δ, shape (example, *image).
        strength: η.
    """
    lost, lost_if_turned = ((problem.clipped(d) - d).abs() for d in (delta, -delta))
    delta = problem.clipped(torch.where(lost > lost_if_turned, -delta, delta))
    for _ in range(ROUNDS):
        factor = strength / problem.norm.measure(delta)
        delta = problem.clipped(per_image(factor, delta) * delta)
    return delta
