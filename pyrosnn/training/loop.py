"""The training loop: stochastic variational inference for every model, on any images."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pyro
import torch
from torch import Tensor

from pyrosnn.data.dataset import Dataset, check_batch
from pyrosnn.device import open_device
from pyrosnn.errors import ArgumentError, require, resolve
from pyrosnn.models import build_model, find_row
from pyrosnn.models.classifier import StochasticClassifier, no_classifier
from pyrosnn.neutral import neutral
from pyrosnn.seeding import forked_rng, repeatable, seed_sequence
from pyrosnn.settings import checked_arguments
from pyrosnn.training.images.augmentations import AUGMENTATIONS
from pyrosnn.training.images.noisy import add_noise
from pyrosnn.training.left_out import LeftOut
from pyrosnn.training.loss import StepLoss, make_loss
from pyrosnn.training.optimizers import OPTIMIZERS, parameter_groups
from pyrosnn.training.presets import preset
from pyrosnn.training.schedules import learning_rate
from pyrosnn.training.spec import TrainingSpec
from pyrosnn.training.state import TrainingState
from pyrosnn.training.unused import warn_of_unused

# How a row of ``MODELS`` gets its parameters.
METHODS = {
    "svi": "pyrosnn.training.loop:run_epochs",
    "nuts": "pyrosnn.training.nuts:run_chains",
}


@dataclass(frozen=True, kw_only=True)
class TrainingProgress:
    """The progress of a training after an epoch.

    Attributes:
        epoch: epochs done.
        epochs: epochs in all.
        loss: mean objective per image over the epoch, in nats.
        left_out: shares of the images that regularisers left out in the epoch, by their names.
    """

    epoch: int
    epochs: int
    loss: float
    left_out: Mapping[str, float] = field(default_factory=dict)


@checked_arguments
@neutral
def train(
    spec: TrainingSpec,
    dataset: Dataset,
    *,
    device: str | torch.device = "cpu",
    progress: Callable[[TrainingProgress], None] | None = None,
    resume: TrainingState | None = None,
    keep: Callable[[TrainingState], None] | None = None,
) -> StochasticClassifier:
    """Train a stochastic classifier by stochastic variational inference, or as its row says.

    The parameters live on the classifier and are moved by one of torch's optimizers; the global
    random state and Pyro's parameter store are left as they were.

    Args:
        spec: settings, for example ``preset("bnn")``.
        dataset: its training split is used.
        device: where to train.
        progress: called after each epoch.
        resume: state of an interrupted training of the same settings and data; the weights
            become the same as without the interruption.
        keep: called after each epoch, before ``progress``, with the state for ``resume``.

    Returns:
        The trained classifier, in evaluation mode.

    Raises:
        ArgumentError: for images that are not finite, labels out of range, or a loss that
            became NaN (lower the learning rate or the initial scales).

    Warns:
        PyrosnnWarning: for images and regularisers that begin after the last epoch.

    Example:
        >>> import pyrosnn
        >>> spec = pyrosnn.preset("bnn", epochs=1)
        >>> pyrosnn.train(spec, pyrosnn.load_dataset("digits")).num_classes
        10
    """
    target = open_device(device)
    _check(dataset)
    with _randomness(spec, target):
        classifier = build_model(
            spec.model,
            image_shape=dataset.image_shape,
            num_classes=dataset.num_classes,
            options=spec.options,
        ).to(target)
        run = resolve(METHODS, find_row(spec.model).method, "method of training")
        run(classifier, spec, dataset, progress=progress, resume=resume, keep=keep)
    return _finish(classifier, spec, dataset)


@checked_arguments
@neutral
def fit(
    classifier: StochasticClassifier,
    dataset: Dataset,
    name: str = "quick",
    *,
    progress: Callable[[TrainingProgress], None] | None = None,
    **changes: Any,
) -> StochasticClassifier:
    """Train a custom classifier, such as a :class:`Composed`, in place.

    Args:
        classifier: the classifier; those of its parameters that require gradients are moved, or
            all of them where none does.
        dataset: its training split is used.
        name: preset of the settings.
        progress: called after each epoch.
        changes: fields of :class:`TrainingSpec` that differ from the preset, such as ``epochs``,
            ``images`` or ``regularisers``; ``objective`` in the place of the classifier's own.

    Returns:
        The same classifier, in evaluation mode.

    Raises:
        ArgumentError: as :func:`train`, and for images of another shape than the classifier's.

    Warns:
        PyrosnnWarning: as :func:`train`.

    Example:
        >>> import pyrosnn
        >>> from pyrosnn.noise.features import FeatureNoise
        >>> net = torch.nn.Sequential(
        ...     torch.nn.Flatten(), torch.nn.Linear(64, 9), torch.nn.ReLU(), torch.nn.Linear(9, 10)
        ... )
        >>> noisy = pyrosnn.Composed(net, [FeatureNoise(0.1, places=["2"])], image_shape=(1, 8, 8))
        >>> digits = pyrosnn.load_dataset("digits")
        >>> pyrosnn.fit(noisy, digits, epochs=2).training
        False
    """
    for name_of_row in ("model", "options"):
        require(
            name_of_row not in changes,
            f"'{name_of_row}' belongs to a row of MODELS, which train() makes; the classifier here "
            "is made already",
        )
    spec = preset("", name, **changes)
    _check(dataset)
    _require_fit(classifier, spec, dataset)
    if not any(p.requires_grad for p in classifier.parameters()):
        classifier.requires_grad_(True)
    with _randomness(spec, classifier.device):
        run_epochs(classifier, spec, dataset, progress=progress)
    return _finish(classifier, spec, dataset)


def _require_fit(classifier: StochasticClassifier, spec: TrainingSpec, dataset: Dataset) -> None:
    """Refuse anything but a classifier that can be trained on the data."""
    if not isinstance(classifier, StochasticClassifier):
        raise no_classifier("the classifier is", classifier)
    for what, expected, actual in (
        ("images of shape", classifier.image_shape, dataset.image_shape),
        ("pixels of type", classifier.dtype, dataset.x_train.dtype),
        ("as number of classes", classifier.num_classes, dataset.num_classes),
    ):
        require(
            expected == actual,
            f"the classifier takes {what} {expected}, {dataset.name} has {actual}",
        )
    require(
        bool(spec.objective or classifier.objective),
        f"a {type(classifier).__name__} is trained by its owner, before it is wrapped; put noise "
        "into the network with Composed to train it here",
    )


def _check(dataset: Dataset) -> None:
    require(
        len(dataset.x_train) > 0,
        f"{dataset.name} has no training images, but a test split alone; train on data that have "
        "some (x_train and y_train, or FOLDER/train/CLASS)",
    )
    check_batch(
        dataset.x_train,
        dataset.y_train,
        num_classes=dataset.num_classes,
        image_shape=dataset.image_shape,
        dtype=torch.float32,
    )


@contextmanager
def _randomness(spec: TrainingSpec, device: torch.device) -> Iterator[None]:
    with (
        forked_rng(seed_sequence(spec.seed, "train"), device),
        repeatable(),
        pyro.validation_enabled(False),
    ):
        yield


def run_epochs(
    classifier: StochasticClassifier,
    spec: TrainingSpec,
    dataset: Dataset,
    *,
    progress: Callable[[TrainingProgress], None] | None = None,
    resume: TrainingState | None = None,
    keep: Callable[[TrainingState], None] | None = None,
) -> None:
    """Run the remaining epochs of stochastic variational inference; see :func:`train`."""
    warn_of_unused(spec, stacklevel=5)  # of the caller of train() or fit(), with two decorators
    x, y = dataset.x_train.to(classifier.device), dataset.y_train.to(classifier.device)
    classifier.train()
    classifier.before_training()
    left_out = LeftOut()
    loss_of = make_loss(
        classifier, spec, num_images=len(x), bounds=dataset.bounds, left_out=left_out
    )
    optimizer = OPTIMIZERS[spec.optimizer](spec, parameter_groups(classifier))
    done = 0
    if resume is not None:
        resume.restore(classifier, optimizer)
        done = resume.epoch
    for epoch in range(done + 1, spec.epochs + 1):
        loss = _train_epoch(
            loss_of, optimizer, x, y, spec, done=epoch - 1, after_step=classifier.after_step
        )
        if not (math.isfinite(loss) and _all_finite(classifier)):
            raise ArgumentError(
                f"the loss or the parameters became NaN or infinite in epoch {epoch}; lower "
                f"learning_rate (now {spec.learning_rate}) or the initial scales"
            )
        if keep is not None:
            keep(TrainingState.capture(epoch, classifier, optimizer))
        if progress is not None:
            shares = left_out.shares()
            now = TrainingProgress(epoch=epoch, epochs=spec.epochs, loss=loss, left_out=shares)
            progress(now)


def _finish(
    classifier: StochasticClassifier, spec: TrainingSpec, dataset: Dataset
) -> StochasticClassifier:
    """Freeze the classifier, and let it compute its statistics over all images."""
    classifier.eval().requires_grad_(False)
    x = dataset.x_train.to(classifier.device)
    classifier.after_training(x.split(spec.batch_size))
    classifier.zero_grad()  # the last batch's: of no use, and as large as the parameters
    return classifier


def _all_finite(classifier: StochasticClassifier) -> bool:
    return all(bool(torch.isfinite(v).all()) for v in classifier.state_dict().values())


def _train_epoch(
    loss_of: StepLoss,
    optimizer: torch.optim.Optimizer,
    x: Tensor,
    y: Tensor,
    spec: TrainingSpec,
    *,
    done: int = 0,
    after_step: Callable[[], None] = lambda: None,
) -> float:
    """Run one epoch in random order, after ``done`` others; return the mean loss per image."""
    augment = AUGMENTATIONS[spec.augmentation]
    total = torch.zeros((), dtype=torch.float64, device=x.device)  # asked for once an epoch
    batches = torch.randperm(len(x), device=x.device).split(spec.batch_size)
    for number, batch in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(spec, done + number / len(batches))
        images, labels = augment(x[batch]), y[batch]
        images, labels = add_noise(
            images, labels, variance=spec.smoothing_variance, copies=spec.noisy_copies
        )
        optimizer.zero_grad()
        loss = loss_of(images, labels, epoch=done + 1, batch=number)
        loss.backward()
        optimizer.step()
        after_step()
        total += loss.detach() * len(batch)
    return float(total) / len(x)
