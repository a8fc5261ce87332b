"""The classifier that an attack transfers from: made, imported, read, or without noise."""

from pathlib import Path
from typing import Any

from pyrosnn.errors import FileError, brief, require, resolve
from pyrosnn.functions import REFERENCE, call_function, find_function
from pyrosnn.models.classifier import StochasticClassifier, no_classifier
from pyrosnn.models.noise_free import noise_free
from pyrosnn.zoo import PREFIX

NOISE_FREE = "noise-free"
# By its import path, as in a table: the room of training lies above this one.
READERS = {"checkpoint": "pyrosnn.training:load_checkpoint"}

Source = str | StochasticClassifier


def require_source(source: Any) -> None:
    """Refuse anything but a text or a classifier.

    Raises:
        ArgumentError: with what it may be.
    """
    require(
        isinstance(source, StochasticClassifier) or (isinstance(source, str) and bool(source)),
        f"source must be a classifier, '{NOISE_FREE}', a checkpoint or package.module:function, "
        f"got {brief(source)}",
    )


def open_source(source: Source, attacked: StochasticClassifier) -> StochasticClassifier:
    """Return the classifier that an attack transfers from, on the device of the attacked one.

    Args:
        source: as :class:`pyrosnn.attacks.Transfer` takes it.
        attacked: the classifier whose noise-free network may be asked for.

    Raises:
        NoNoiseFreeError: if it has none.
        ArgumentError: for a function that is not there, raises, or returns something else.
        FileError: for a checkpoint that is not there or cannot be read.
    """
    if isinstance(source, StochasticClassifier):
        return source
    if source == NOISE_FREE:
        return noise_free(attacked)
    is_file = source.startswith(PREFIX) or REFERENCE.fullmatch(source) is None
    made = _checkpoint(source) if is_file else _called(source)
    return made.eval().requires_grad_(False).to(attacked.device)


def _called(reference: str) -> StochasticClassifier:
    made = call_function(reference, find_function(reference))
    if not isinstance(made, StochasticClassifier):
        raise no_classifier(f"{reference} returned", made)
    return made


def _checkpoint(path: str) -> StochasticClassifier:
    if not path.startswith(PREFIX) and not Path(path).is_file():
        raise FileError(
            f"there is no checkpoint {path}; the source of a transfer is a checkpoint, "
            f"package.module:function, or {NOISE_FREE}"
        )
    classifier: StochasticClassifier = resolve(READERS, "checkpoint", "reader")(path).classifier
    return classifier


def require_like(source: StochasticClassifier, attacked: StochasticClassifier) -> None:
    """Refuse a source of other images, classes, precision or device.

    Raises:
        ArgumentError: naming what differs.
    """
    for what, own, other in (
        ("images of shape", source.image_shape, attacked.image_shape),
        ("as number of classes", source.num_classes, attacked.num_classes),
        ("pixels of type", source.dtype, attacked.dtype),
        ("images on", source.device, attacked.device),
    ):
        require(
            own == other,
            f"the source of the transfer takes {what} {own}, the attacked classifier {other}; give "
            "one that was made for the same data",
        )


def written(source: Source) -> str:
    """Return a source as a text for a record.

    Example:
        >>> written("other.pyrosnn")
        'other.pyrosnn'
    """
    if isinstance(source, str):
        return source
    return f"{type(source).__name__} {source.fingerprint():08x}"
