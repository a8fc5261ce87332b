"""What every kind of images is."""

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
    """Images that a training's loss is computed on; its fields are ``image_options``."""

    panel: ClassVar[str] = "images"

    def check(self, spec: "TrainingSpec") -> None:
        """Refuse settings of a training that these images do not go with.

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
