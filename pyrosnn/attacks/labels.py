"""Whose loss an attack maximises: that of the true labels, or of those it predicts itself."""

from collections.abc import Callable

from torch import Tensor

from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import SampleSet, predict


def true_labels(
    classifier: StochasticClassifier, x: Tensor, y: Tensor, samples: SampleSet
) -> Tensor:
    """Return y."""
    return y


def predicted_labels(
    classifier: StochasticClassifier, x: Tensor, y: Tensor, samples: SampleSet
) -> Tensor:
    """Return the classes that the attack set predicts at x."""
    return predict(classifier, x, samples).predicted


LABELS: dict[str, Callable[[StochasticClassifier, Tensor, Tensor, SampleSet], Tensor]] = {
    "true": true_labels,
    "predicted": predicted_labels,
}
