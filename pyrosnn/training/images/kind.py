"""The base class of all kinds of training images."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor

from pyrosnn.settings import Settings

if TYPE_CHECKING:
    from pyrosnn.training.spec import TrainingSpec
    from pyrosnn.training.step import Step


@dataclass(frozen=True, kw_only=True)
class TrainingImages(Settings, ABC):
    """Images for the loss of a training; the fields are ``image_options``."""

    panel: ClassVar[str] = "images"

    @property
    def clean_epochs(self) -> int:
        """The number of epochs on clean images before these are used."""
        return 0

    @property
    def full_from(self) -> int:
        """The epoch from which these count in full, counted from 1."""
        return self.clean_epochs + 1

    def check(self, spec: "TrainingSpec") -> None:
        """Refuse training settings that do not fit these images.

        Raises:
            ArgumentError: saying which.
        """
        return None

    @abstractmethod
    def loss(self, step: "Step") -> Tensor:
        """Return the loss of a step, a mean over its images.

        Args:
            step: has the batch; ``step.loss(step.evaluate(images))`` is the objective on images,
                all of them on the same particles.
        """
