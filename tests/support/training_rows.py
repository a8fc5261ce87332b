"""A kind of images, a regulariser and an objective of one's own: a few lines and a row each."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pyrosnn.training.images.kind import TrainingImages
from pyrosnn.training.objectives.pooled import PooledELBO
from pyrosnn.training.regularisers.regulariser import Regulariser
from pyrosnn.training.step import Step


@dataclass(frozen=True, kw_only=True)
class Brighter(TrainingImages):
    """Images that are brighter by a shift."""

    shift: float = 0.1

    def loss(self, step: Step) -> Tensor:
        return step.loss(step.evaluate(step.x + self.shift))


@dataclass(frozen=True, kw_only=True)
class SmallWeights(Regulariser):
    """The squared length of all parameters."""

    def penalty(self, step: Step) -> Tensor:
        parameters = step.setting.classifier.parameters()
        return torch.stack([p.square().sum() for p in parameters]).sum().expand(len(step.x))


@dataclass(frozen=True, kw_only=True)
class LargestGradient(Regulariser):
    """The largest gradient of any particle: shares the gradients with other terms."""

    def penalty(self, step: Step) -> Tensor:
        return step.input_gradients.flatten(2).abs().amax((0, 2))


class Focal(PooledELBO):
    """The focal loss: images that are classified well count less."""

    def pool(self, likelihood: Any, labels: Tensor) -> Tensor:
        log_prob: Tensor = likelihood.log_prob(labels)
        mean = log_prob if log_prob.ndim == 1 else log_prob.mean(0)
        return (1 - mean.exp()).square() * mean
