"""The loss of a step: an objective on the images that the settings name, and regularisers."""

from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from pyrosnn.errors import resolve
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.precision import PRECISIONS
from pyrosnn.training.left_out import LeftOut
from pyrosnn.training.objectives import OBJECTIVES
from pyrosnn.training.spec import TrainingSpec
from pyrosnn.training.step import Setting, Step


@runtime_checkable
class StepLoss(Protocol):
    """The mean loss of a batch, differentiable."""

    def __call__(self, x: Tensor, y: Tensor, /, *, epoch: int = 1, batch: int = 0) -> Tensor:
        """Return the loss.

        Args:
            x: images, augmented and noisy where the settings say so.
            y: labels.
            epoch: number of the epoch, from 1.
            batch: number of the batch within the epoch, from 0.
        """


def make_loss(
    classifier: StochasticClassifier,
    spec: TrainingSpec,
    *,
    num_images: int,
    bounds: tuple[float, float] = (0.0, 1.0),
    left_out: LeftOut | None = None,
) -> StepLoss:
    """Join model, guide, objective, images and regularisers.

    Args:
        classifier: what is trained.
        spec: settings.
        num_images: N, the number of training images.
        bounds: smallest and largest pixel value, which attacks keep.
        left_out: counts the images that regularisers leave out.
    """
    kind: Any = resolve(OBJECTIVES, spec.objective or classifier.objective, "objective")
    setting = Setting(
        classifier=classifier,
        objective=kind(spec.num_particles),
        spec=spec,
        num_images=num_images,
        bounds=bounds,
        left_out=LeftOut() if left_out is None else left_out,
    )
    dtype = PRECISIONS[spec.precision]
    images, regularisers = spec.make_images(), spec.make_regularisers()

    def loss_of(x: Tensor, y: Tensor, /, *, epoch: int = 1, batch: int = 0) -> Tensor:
        with torch.autocast(x.device.type, dtype, enabled=dtype is not None):
            step = Step.draw(setting, x, y, epoch, batch)
            loss = images.loss(step)
            for regulariser in regularisers:
                term = regulariser.term(step)
                if term is not None:
                    loss = loss + term
        return loss

    return loss_of
