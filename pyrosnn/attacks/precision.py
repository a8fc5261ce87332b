"""In what precision an attack computes its gradients; inference and conditions never change."""

import copy

import torch

from pyrosnn.models.classifier import StochasticClassifier

# ``full`` is that of the classifier's parameters
PRECISIONS: dict[str, torch.dtype | None] = {"full": None, "bf16": torch.bfloat16}


def in_precision(classifier: StochasticClassifier, precision: str) -> StochasticClassifier:
    """Return the classifier, or a copy of it in another precision, for the attacker's use.

    Args:
        classifier: the classifier.
        precision: name in ``PRECISIONS``.
    """
    dtype = PRECISIONS[precision]
    return classifier if dtype is None else copy.deepcopy(classifier).to(dtype)
