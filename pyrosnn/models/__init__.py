"""Stochastic classifiers: one file and one line in ``MODELS`` for each."""

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pyrosnn.errors import ArgumentError, resolve

if TYPE_CHECKING:
    from pyrosnn.models.classifier import StochasticClassifier

MODELS = {
    "bnn": "pyrosnn.models.bnn:BNN",
    "im": "pyrosnn.models.im:InfiniteMixture",
    "sin": "pyrosnn.models.sin:StochasticInputNetwork",
    "laplace": "pyrosnn.models.laplace:Laplace",
    "resnet": "pyrosnn.models.resnet:WideResNet",
}


def model_options(name: str) -> dict[str, Any]:
    """Return the options of a model and their defaults.

    Raises:
        UnknownNameError: ``unknown model 'bnnn'; did you mean 'bnn'? (bnn, im, …)``.

    Example:
        >>> model_options("bnn")["hidden"]
        (128, 128)
    """
    parameters = inspect.signature(resolve(MODELS, name, "model")).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def build_model(
    name: str,
    *,
    image_shape: tuple[int, ...],
    num_classes: int,
    options: Mapping[str, Any] | None = None,
) -> "StochasticClassifier":
    """Build an untrained classifier; its parameters come from torch's current random state.

    Args:
        name: a name in ``MODELS``.
        image_shape: shape of one image.
        num_classes: number of classes.
        options: keyword options of the model, see :func:`model_options`.

    Raises:
        UnknownNameError: for an unknown model.
        ArgumentError: for an option that the model does not have, naming those that it has.
    """
    known = model_options(name)
    for option in options or {}:
        if option not in known:
            raise ArgumentError(f"{name} has no option '{option}'; it has {', '.join(known)}")
    classifier: StochasticClassifier = resolve(MODELS, name, "model")(
        image_shape, num_classes, **(options or {})
    )
    return classifier
