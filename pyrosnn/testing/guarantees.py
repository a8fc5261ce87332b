"""The guarantees of a stochastic classifier that pyrosnn relies on, by name."""

import torch
from torch import Tensor

from pyrosnn.errors import resolve
from pyrosnn.models.classifier import StochasticClassifier, no_classifier

NUM_IMAGES = 5

GUARANTEES = {
    "shapes": "pyrosnn.testing.values:shapes",
    "pyro-model": "pyrosnn.testing.values:pyro_model",
    "parts": "pyrosnn.testing.values:parts",
    "gradients": "pyrosnn.testing.values:gradients",
    "replay": "pyrosnn.testing.samples:replay",
    "prefix": "pyrosnn.testing.samples:prefix",
    "images-apart": "pyrosnn.testing.samples:images_apart",
    "disjoint": "pyrosnn.testing.samples:disjoint",
    "memory-budget": "pyrosnn.testing.samples:memory_budget",
    "varies": "pyrosnn.testing.samples:varies",
    "untouched": "pyrosnn.testing.effects:untouched",
    "evaluation": "pyrosnn.testing.effects:evaluation",
}


def trial_images(classifier: StochasticClassifier) -> Tensor:
    """Return five images of uniform noise, with the classifier's shape, type and device."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand((NUM_IMAGES, *classifier.image_shape), generator=generator)
    return noise.to(classifier.device, classifier.dtype)


def check_contract(classifier: StochasticClassifier, x: Tensor | None = None) -> list[str]:
    """Check every guarantee, in a second or two for a small network.

    Args:
        classifier: the classifier.
        x: at least two images, shape (example, *image); None takes uniform noise.

    Returns:
        The names of the guarantees that were checked: all of them.

    Raises:
        AssertionError: what does not hold, at the first guarantee that does not.
        ArgumentError: for anything but a StochasticClassifier, or if no gradient of its outputs
            reaches the images.

    Example:
        >>> from pyrosnn.models import build_model
        >>> sin = build_model("sin", image_shape=(1, 8, 8), num_classes=10)
        >>> len(check_contract(sin)) == len(GUARANTEES)
        True
    """
    if not isinstance(classifier, StochasticClassifier):
        raise no_classifier("the classifier is", classifier)
    x = trial_images(classifier) if x is None else x
    for name in GUARANTEES:
        resolve(GUARANTEES, name, "guarantee")(classifier, x)
    return list(GUARANTEES)
