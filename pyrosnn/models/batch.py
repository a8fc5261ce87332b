"""Images and labels for a classifier: converted and checked once, at every public entry."""

from typing import Any

from torch import Tensor

from pyrosnn.data.batch import as_images, as_labels
from pyrosnn.data.dataset import require_finite_images, require_on
from pyrosnn.errors import require
from pyrosnn.models.classifier import StochasticClassifier


def images_for(classifier: StochasticClassifier, x: Any, *, exact: bool = True) -> Tensor:
    """Return images as a tensor of the classifier's shape and type.

    Args:
        classifier: the classifier.
        x: a tensor, which stays where it is, an array or nested lists.
        exact: refuse other floating-point types.

    Raises:
        ArgumentError: for anything else, for another shape or type, and for a classifier that was
            made in inference mode, which has no gradients.
    """
    require(
        not any(parameter.is_inference() for parameter in classifier.parameters()),
        "the classifier was made or loaded within torch.inference_mode(), and has no gradients; "
        "make it outside",
    )
    return as_images(
        x,
        image_shape=classifier.image_shape,
        dtype=classifier.dtype,
        device=classifier.device,
        exact=exact,
    )


def batch_for(
    classifier: StochasticClassifier, x: Any, y: Any, *, move: bool = False
) -> tuple[Tensor, Tensor]:
    """Return images and labels as tensors on the classifier's device.

    Args:
        classifier: the classifier.
        x: images: a tensor, an array or nested lists.
        y: labels: a tensor, an array or a list.
        move: move tensors that are elsewhere, instead of refusing them.

    Raises:
        ArgumentError: for images or labels of another kind, shape or type, on another device, NaN
            or infinite pixels, or labels out of range.
    """
    images = images_for(classifier, x)
    number, device = classifier.num_classes, classifier.device
    for name, given in {"images": images, "labels": y}.items():
        if isinstance(given, Tensor) and (given.is_meta or not move):
            require_on(device, **{name: given})
    labels = as_labels(y, len(images), num_classes=number, device=device)
    require_finite_images(images)
    return images.to(device), labels.to(device)
