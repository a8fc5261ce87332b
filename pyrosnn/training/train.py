"""The training loop: stochastic variational inference for every model."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import pyro
import torch
from torch import Tensor

from pyrosnn.data.dataset import Dataset, check_batch
from pyrosnn.errors import ArgumentError
from pyrosnn.models import build_model
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.seeding import forked_rng, seed_sequence
from pyrosnn.training.objectives import OBJECTIVES, WeighSites
from pyrosnn.training.spec import TrainingSpec


@dataclass(frozen=True, kw_only=True)
class TrainingProgress:
    """What is known after an epoch.

    Attributes:
        epoch: epochs done.
        epochs: epochs in all.
        loss: mean objective per image over the epoch, in nats.
    """

    epoch: int
    epochs: int
    loss: float


def train(
    spec: TrainingSpec,
    dataset: Dataset,
    *,
    device: str | torch.device = "cpu",
    progress: Callable[[TrainingProgress], None] | None = None,
) -> StochasticClassifier:
    """Train a stochastic classifier by stochastic variational inference.

    The parameters live on the classifier and are moved by ``torch.optim.Adam``; the global random
    state and Pyro's parameter store are left as they were.

    Args:
        spec: settings, for example ``preset("bnn")``.
        dataset: its training split is used.
        device: where to train.
        progress: called after each epoch.

    Returns:
        The trained classifier, in evaluation mode.

    Raises:
        ArgumentError: for images that are not finite, labels out of range, or a loss that
            became NaN (lower the learning rate or the initial scales).

    Example:
        >>> import pyrosnn
        >>> spec = pyrosnn.preset("bnn", epochs=1)
        >>> pyrosnn.train(spec, pyrosnn.load_dataset("digits")).num_classes
        10
    """
    target = torch.device(device)
    check_batch(
        dataset.x_train,
        dataset.y_train,
        num_classes=dataset.num_classes,
        image_shape=dataset.image_shape,
        dtype=torch.float32,
    )
    x, y = dataset.x_train.to(target), dataset.y_train.to(target)
    with (
        forked_rng(seed_sequence(spec.seed, "train"), target),
        pyro.validation_enabled(False),
    ):
        classifier = build_model(
            spec.model,
            image_shape=dataset.image_shape,
            num_classes=dataset.num_classes,
            options=spec.options,
        ).to(target)
        loss_of = make_loss(classifier, spec, num_images=len(x))
        optimizer = torch.optim.Adam(classifier.parameters(), spec.learning_rate, fused=True)
        for epoch in range(1, spec.epochs + 1):
            loss = _train_epoch(loss_of, optimizer, x, y, spec)
            if not (math.isfinite(loss) and _all_finite(classifier)):
                raise ArgumentError(
                    f"the loss or the parameters became NaN or infinite in epoch {epoch}; lower "
                    f"learning_rate (now {spec.learning_rate}) or the initial scales"
                )
            if progress is not None:
                progress(TrainingProgress(epoch=epoch, epochs=spec.epochs, loss=loss))
    classifier.eval().requires_grad_(False)
    classifier.after_training(iter(x.split(spec.batch_size)))
    return classifier


def make_loss(
    classifier: StochasticClassifier, spec: TrainingSpec, *, num_images: int
) -> Callable[[Tensor, Tensor], Tensor]:
    """Join model, guide and objective: the mean loss of the images of a batch, differentiable.

    Args:
        classifier: what is trained.
        spec: settings.
        num_images: N, the number of training images.
    """
    objective = OBJECTIVES[classifier.objective](spec.num_particles)

    def loss_of(x: Tensor, y: Tensor) -> Tensor:
        with WeighSites(data=1.0 / len(x), latent=spec.kl_weight / num_images):
            return objective.differentiable_loss(classifier.model, classifier.guide, x, y)

    return loss_of


def _all_finite(classifier: StochasticClassifier) -> bool:
    return all(bool(torch.isfinite(p).all()) for p in classifier.parameters())


def _train_epoch(
    loss_of: Callable[[Tensor, Tensor], Tensor],
    optimizer: torch.optim.Optimizer,
    x: Tensor,
    y: Tensor,
    spec: TrainingSpec,
) -> float:
    """Make one pass in random order; return the mean loss per image."""
    order = torch.randperm(len(x), device=x.device)
    total = torch.zeros((), dtype=torch.float64, device=x.device)  # asked for once an epoch
    for batch in order.split(spec.batch_size):
        images, labels = x[batch], y[batch]
        if spec.smoothing_variance > 0:
            images = images.repeat_interleave(spec.noisy_copies, 0)
            labels = labels.repeat_interleave(spec.noisy_copies, 0)
            images = images + math.sqrt(spec.smoothing_variance) * torch.randn_like(images)
        optimizer.zero_grad()
        loss = loss_of(images, labels)
        loss.backward()
        optimizer.step()
        total += loss.detach() * len(batch)
    return float(total) / len(x)
