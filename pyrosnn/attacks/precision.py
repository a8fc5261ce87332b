"""In what precision an attack computes its gradients; inference and conditions never change."""

import copy

from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.precision import PRECISIONS


def in_precision(classifier: StochasticClassifier, precision: str) -> StochasticClassifier:
    """Return the classifier, or a copy of it in another precision, for the attacker's use.

    Args:
        classifier: the classifier.
        precision: name in ``PRECISIONS``.
    """
    dtype = PRECISIONS[precision]
    return classifier if dtype is None else copy.deepcopy(classifier).to(dtype)
