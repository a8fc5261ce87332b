"""A kind of images: those of the batch under uniform noise, beside themselves."""

from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from pyrosnn.training.images.kind import TrainingImages
from pyrosnn.training.step import Step


@dataclass(frozen=True, kw_only=True)
class Shaken(TrainingImages):
    """Images as they are, and with each pixel moved by up to ``reach``.

    Attributes:
        reach: largest move of a pixel, in pixel units.
    """

    reach: Annotated[float, Ge(0)] = 0.1

    def loss(self, step: Step) -> Tensor:
        moved = step.x + self.reach * (2 * torch.rand_like(step.x) - 1)
        return step.loss(step.evaluate(step.x, 0.5), step.evaluate(moved, 0.5))
