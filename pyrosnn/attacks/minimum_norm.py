"""The base class of attacks that look for the shortest δ."""

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge
from torch import Tensor

from pyrosnn.attacks.attack import Attack
from pyrosnn.attacks.averages import GRADIENTS
from pyrosnn.attacks.maximised import AttackLoss
from pyrosnn.attacks.problem import Problem
from pyrosnn.attacks.shortest import Shortest
from pyrosnn.models.precision import PRECISIONS
from pyrosnn.sampling import SampleSet
from pyrosnn.settings import OneOf


@dataclass(frozen=True, kw_only=True)
class MinimumNormAttack(Attack):
    """Settings of an attack that looks for the shortest δ that fools a selection set V.

    V is fooled where its mean prediction at x + δ is not the label. Gradients are those of fresh
    samples of A. Each image keeps the shortest δ that fools V, shortened further by bisection
    along its line. An image that V misclassifies at x has δ = 0. An image that nothing fools keeps
    the δ with the smallest margin on V.

    A search that stops once V is fooled finds norms that are too short for other samples:
    :func:`pyrosnn.evaluation.minimal_norms` judges them on I. At a strength η, what is longer
    than η is shortened to η.

    Attributes:
        steps: number of steps.
        fixed_samples: use the attack set in every step, instead of fresh samples.
        selection_samples: number of samples in V, S_V; they are the same for all δ.
        bisections: number of bisections that shorten the δ found, each by evaluating V.
        gradient: quantity that the attack averages over its samples.
        precision: precision of the attacker's networks. V keeps the classifier's.
        its_loss: the loss whose gradient it follows, a name in ``LOSSES``.
    """

    steps: Annotated[int, Ge(1)] = 100
    fixed_samples: bool = False
    selection_samples: Annotated[int, Ge(1)] = 100
    bisections: Annotated[int, Ge(0)] = 12
    gradient: Annotated[str, OneOf(GRADIENTS)] = "mean_prediction"
    precision: Annotated[str, OneOf(PRECISIONS)] = "full"

    minimises_norm: ClassVar[bool] = True
    its_loss: ClassVar[str] = "log-margin"

    @property
    def maximised(self) -> AttackLoss:
        """The loss of the attack's paper, on the average that the settings name."""
        return AttackLoss(loss=self.its_loss, gradient=self.gradient, precision=self.precision)

    def num_selection(self, samples: SampleSet) -> int:
        """Return S_V, the samples in V."""
        return self.selection_samples

    def run(self, problem: Problem, strength: float) -> Tensor:
        """Search for the images that V does not misclassify at x; shorten what was found."""
        shortest = Shortest(problem)
        fooled = shortest.offer(torch.zeros_like(problem.x)).fooled
        problem.saw(fooled)  # no step is missing where none is needed
        rows = (~fooled).nonzero().flatten()
        if len(rows):
            self.search(problem, shortest, rows)
            shortest.bisect(self.bisections)
        problem.fooled = shortest.norm.isfinite()
        return shortest.best()

    @abstractmethod
    def search(self, problem: Problem, shortest: Shortest, rows: Tensor) -> None:
        """Offer perturbations of some images, from δ = 0 on.

        Args:
            problem: images, labels, samples, and the loss.
            shortest: what takes each δ, asks V, and keeps the shortest.
            rows: the images that V classifies correctly at x, shape (row,).
        """


def annealed(first: float, last: float, share: float) -> float:
    """Return a value that falls along half a cosine, from the first at 0 to the last at 1.

    Example:
        >>> annealed(1.0, 0.0, 0.5)
        0.5
    """
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2
