"""Labels whose loss an attack maximises: the true ones, or those that A predicts."""

from collections.abc import Callable

from torch import Tensor

from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import SampleSet, predict_again


def true_labels(
    classifier: StochasticClassifier, x: Tensor, y: Tensor, samples: SampleSet
) -> Tensor:
    """Return y."""
    return y


def predicted_labels(
    classifier: StochasticClassifier, x: Tensor, y: Tensor, samples: SampleSet
) -> Tensor:
    """Return the classes that the attack set predicts at x."""
    return predict_again(classifier, x, samples).predicted


LABELS: dict[str, Callable[[StochasticClassifier, Tensor, Tensor, SampleSet], Tensor]] = {
    "true": true_labels,
    "predicted": predicted_labels,
}
