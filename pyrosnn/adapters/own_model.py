"""A classifier made by a user's function, named as ``package.module:function``."""

import importlib
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from pyrosnn.adapters.module_settings import module_settings
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, DataError, PyrosnnError, unknown_name
from pyrosnn.models.classifier import StochasticClassifier, no_classifier
from pyrosnn.seeding import forked_rng, seed_sequence

REFERENCE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The record of such a classifier in a result, in place of training settings.

    Attributes:
        model: ``package.module:function``.
        output: kind of the discriminant functions.
        settings: what its weights do not tell, see :func:`module_settings`.
        smoothing_variance: of the noise it was trained with; not known, and so 0.
    """

    model: str
    output: str
    settings: Mapping[str, str] = field(default_factory=dict)
    smoothing_variance: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the settings; those of the training are unknown."""
        return {"settings": dict(self.settings)}


@dataclass(frozen=True, kw_only=True)
class OwnModel:
    """The user's classifier, in place of a checkpoint.

    Attributes:
        classifier: the classifier, in evaluation mode.
        spec: where it came from.
    """

    classifier: StochasticClassifier
    spec: Reference

    def require_dataset(self, dataset: Dataset) -> None:
        """Refuse a data set that the classifier was not made for.

        Raises:
            DataError: naming the shape, number of classes or type that differs.
        """
        name, classifier = self.spec.model, self.classifier
        for what, expected, actual in (
            ("images of shape", classifier.image_shape, dataset.image_shape),
            ("as number of classes", classifier.num_classes, dataset.num_classes),
            ("pixels of type", classifier.dtype, dataset.x_test.dtype),
        ):
            if expected != actual:
                raise DataError(
                    f"the classifier of {name} takes {what} {expected}, but {dataset.name} has "
                    f"{actual}; give another --dataset, or let the function make one that fits"
                )


def load_own_model(reference: str, dataset: Dataset, device: str | torch.device) -> OwnModel:
    """Import and call the function that makes a classifier, with torch's seed fixed.

    Args:
        reference: ``package.module:function``. The function takes nothing, or the data set.
        dataset: its argument, if it takes one.
        device: where the classifier is put.

    Raises:
        ArgumentError: for a module or function that is not there, one that raises, and one that
            returns something else than a :class:`StochasticClassifier`.
        DataError: for a classifier that does not fit the data set.
    """
    function = _find(reference)
    required = [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    if len(required) > 1:
        raise ArgumentError(
            f"{reference} needs {len(required)} arguments "
            f"({', '.join(parameter.name for parameter in required)}); it may take one, the data "
            "set, or none"
        )
    try:
        with forked_rng(seed_sequence(0, "own-model")):
            classifier = function(*[dataset for _ in required])
    except PyrosnnError:
        raise
    except Exception as error:
        raise ArgumentError(f"{reference} raised {_one_line(error)}; call it in Python") from error
    if not isinstance(classifier, StochasticClassifier):
        raise no_classifier(f"{reference} returned", classifier)
    classifier = classifier.eval().requires_grad_(False).to(device)
    settings = module_settings(classifier)
    spec = Reference(model=reference, output=classifier.output, settings=settings)
    own = OwnModel(classifier=classifier, spec=spec)
    own.require_dataset(dataset)
    return own


def _find(reference: str) -> Callable[..., Any]:
    """Import the function; refuse a missing module or function."""
    if not REFERENCE.fullmatch(reference):
        raise ArgumentError(f"expected package.module:function, got '{reference}'")
    home, _, name = reference.partition(":")
    try:
        module = importlib.import_module(home)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{home}.".startswith(f"{error.name}."):
            raise ArgumentError(f"importing {home} raised {_one_line(error)}") from error
        if home.endswith(".py"):
            right = f"{home.removesuffix('.py')}:{name}"
            raise ArgumentError(
                f"there is no module '{home}'; its name has no .py: {right}"
            ) from error
        raise ArgumentError(
            f"there is no module '{error.name}' in the current folder or on PYTHONPATH; "
            f"start where {home} can be imported"
        ) from error
    except Exception as error:
        raise ArgumentError(
            f"importing {home} raised {_one_line(error)}; import it in Python"
        ) from error
    callables = {key: value for key, value in vars(module).items() if callable(value)}
    if name not in callables:
        own = [key for key, value in callables.items() if value.__module__ == module.__name__]
        raise unknown_name(f"function of {home}", name, own)
    function: Callable[..., Any] = callables[name]
    return function


def _one_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
