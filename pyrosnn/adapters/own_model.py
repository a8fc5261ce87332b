"""A classifier made by a user's function, named as ``package.module:function``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from pyrosnn.adapters.module_settings import module_settings
from pyrosnn.data import OWN_DATA
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, DataError
from pyrosnn.functions import call_function, find_function, required_arguments
from pyrosnn.models.classifier import StochasticClassifier, no_classifier
from pyrosnn.seeding import forked_rng, seed_sequence


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
        if dataset.begins_at_one and classifier.num_classes == dataset.num_classes - 1:
            raise DataError(
                f"the classifier of {name} has {classifier.num_classes} classes, but the labels of "
                f"{dataset.name} are 1 … {classifier.num_classes}; labels begin at 0: use y - 1"
            )
        for what, expected, actual in (
            ("images of shape", classifier.image_shape, dataset.image_shape),
            ("as number of classes", classifier.num_classes, dataset.num_classes),
            ("pixels of type", classifier.dtype, dataset.x_test.dtype),
        ):
            if expected != actual:
                raise DataError(
                    f"the classifier of {name} takes {what} {expected}, but {dataset.name} has "
                    f"{actual}; give its data with --dataset ({', '.join(OWN_DATA)}), or let the "
                    "function make one that fits"
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
    function = find_function(reference)
    required = required_arguments(function)
    if len(required) > 1:
        raise ArgumentError(
            f"{reference} needs {len(required)} arguments ({', '.join(required)}); it may take "
            "one, the data set, or none"
        )
    with forked_rng(seed_sequence(0, "own-model")):
        classifier = call_function(reference, function, *[dataset for _ in required])
    if not isinstance(classifier, StochasticClassifier):
        raise no_classifier(f"{reference} returned", classifier)
    classifier = classifier.eval().requires_grad_(False).to(device)
    settings = module_settings(classifier)
    spec = Reference(model=reference, output=classifier.output, settings=settings)
    own = OwnModel(classifier=classifier, spec=spec)
    own.require_dataset(dataset)
    return own
