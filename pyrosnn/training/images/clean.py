"""`clean`: the batch itself."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from pyrosnn.training.images.kind import TrainingImages

if TYPE_CHECKING:
    from pyrosnn.training.step import Step


@dataclass(frozen=True, kw_only=True)
class Clean(TrainingImages):
    """The batch itself."""

    def loss(self, step: "Step") -> Tensor:
        """Return the objective on the batch."""
        return step.loss(step.clean)
