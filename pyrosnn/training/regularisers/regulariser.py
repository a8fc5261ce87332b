"""The base class of regularisers."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from annotated_types import Ge
from torch import Tensor

from pyrosnn.settings import Settings

if TYPE_CHECKING:
    from pyrosnn.training.spec import TrainingSpec
    from pyrosnn.training.step import Step


@dataclass(frozen=True, kw_only=True)
class Regulariser(Settings, ABC):
    """A term of the loss: its weight times the mean over images of a penalty.

    Attributes:
        weight: weight of the penalty per image, λ; 0 leaves it out.
        start: number of epochs before the penalty is added.
    """

    weight: Annotated[float, Ge(0)]
    start: Annotated[int, Ge(0)] = 0

    panel: ClassVar[str] = "objective"

    def check(self, spec: "TrainingSpec") -> None:
        """Refuse training settings that do not fit this term.

        Raises:
            ArgumentError: saying which.
        """
        return None

    @abstractmethod
    def penalty(self, step: "Step") -> Tensor:
        """Return the penalty of each image, shape (example,).

        Args:
            step: has the images, the classifier, the particles, and ``input_gradients``.
        """

    def term(self, step: "Step") -> Tensor | None:
        """Return the term that a step adds to its loss; None for no term."""
        if self.weight == 0 or step.epoch <= self.start:
            return None
        return self.weight * self.penalty(step).mean()
