"""What every regulariser is."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from pyrosnn.errors import require

if TYPE_CHECKING:
    from pyrosnn.training.step import Step


@dataclass(frozen=True, kw_only=True)
class Regulariser(ABC):
    """A term of the loss: its weight times the mean over images of a penalty.

    Attributes:
        weight: λ, of the penalty of one image; 0 leaves the term out.
        start: epochs that are trained without it.
    """

    weight: float
    start: int = 0

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            ArgumentError: ``weight must be >= 0 and finite, got -1.0``.
        """
        require(0 <= self.weight < math.inf, f"weight must be >= 0 and finite, got {self.weight}")
        require(self.start >= 0, f"start must be >= 0, got {self.start}")

    @abstractmethod
    def penalty(self, step: "Step") -> Tensor:
        """Return the penalty of each image, shape (example,).

        Args:
            step: has the images, the classifier, the particles, and ``input_gradients``.
        """

    def term(self, step: "Step") -> Tensor | None:
        """Return what a step adds to its loss; None for nothing."""
        if self.weight == 0 or step.epoch <= self.start:
            return None
        return self.weight * self.penalty(step).mean()
