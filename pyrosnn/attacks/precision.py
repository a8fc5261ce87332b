"""The precision of an attack's gradients; inference and conditions keep their own."""

import copy

from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.precision import PRECISIONS


def in_precision(classifier: StochasticClassifier, precision: str) -> StochasticClassifier:
    """Return the attacker's classifier: the classifier itself, or a copy in another precision.

    Args:
        classifier: the classifier.
        precision: name in ``PRECISIONS``.
    """
    dtype = PRECISIONS[precision]
    return classifier if dtype is None else copy.deepcopy(classifier).to(dtype)
