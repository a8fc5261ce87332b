"""Whose loss an attack maximises: that of the true labels, or of those it predicts itself."""

from collections.abc import Callable

from torch import Tensor

from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.outputs import predicted_class
from pyrosnn.sampling import SampleSet, replay_logits


def true_labels(
    classifier: StochasticClassifier, x: Tensor, y: Tensor, samples: SampleSet
) -> Tensor:
    """Return y."""
    return y


def predicted_labels(
    classifier: StochasticClassifier, x: Tensor, y: Tensor, samples: SampleSet
) -> Tensor:
    """Return the classes that the attack set predicts at x."""
    return predicted_class(replay_logits(classifier, x, samples), classifier.output)


LABELS: dict[str, Callable[[StochasticClassifier, Tensor, Tensor, SampleSet], Tensor]] = {
    "true": true_labels,
    "predicted": predicted_labels,
}
