"""The gradient of an attack's loss at the mean prediction of a sample set."""

from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor

from pyrosnn.attacks.losses import GRADIENTS, LOSSES
from pyrosnn.attacks.precision import in_precision
from pyrosnn.data.dataset import check_batch
from pyrosnn.errors import OverlapError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import Recording, SampleSet, ScaledSum, mean_prediction


@dataclass(frozen=True, kw_only=True)
class LossGradient:
    """A loss gradient for each image, summed over images (no batch mean).

    Attributes:
        direction: the gradient divided by ``scale``, shape (example, *image).
        scale: largest cotangent of each image, float64, shape (example,). A saturated softmax
            makes it tiny (1e-13 at a logit gap of 30); kept apart, it costs no precision.
        correct: whether the mean prediction at x is the label, shape (example,).
        num_gradients: gradients of a single sample that were computed for each image.
    """

    direction: Float[Tensor, "example *image"]
    scale: Float[Tensor, " example"]
    correct: Bool[Tensor, " example"]
    num_gradients: int


def loss_gradient(
    classifier: StochasticClassifier,
    x: Tensor,
    y: Tensor,
    samples: SampleSet,
    *,
    loss: str,
    gradient: str,
    precision: str = "full",
) -> LossGradient:
    """Compute the gradient of a loss with respect to the images.

    Args:
        classifier: the classifier attacked.
        x: images, shape (example, *image).
        y: labels, shape (example,).
        samples: the samples that the attacker has, A.
        loss: name in ``LOSSES``.
        gradient: name in ``GRADIENTS``: what is averaged over samples.
        precision: name in ``PRECISIONS``: of the networks' values and derivatives. Losses are
            always computed in float64, and gradients summed in the images' precision.

    Raises:
        ArgumentError: for bad images or labels, or samples of another classifier.
        OverlapError: if the samples are an inference set.
    """
    check_batch(
        x,
        y,
        num_classes=classifier.num_classes,
        image_shape=classifier.image_shape,
        dtype=classifier.dtype,
    )
    if samples.origin.stream == "inference":
        raise OverlapError(
            "an attack must not see samples of the stream 'inference'; give it the attack set: "
            "see disjoint_sample_sets"
        )
    samples.require_fit(classifier, len(x))
    # two passes: the cotangents of a sample need the mean prediction of all of them
    recording = Recording(in_precision(classifier, precision), x, samples)
    mean = mean_prediction(recording, classifier.output)
    total = ScaledSum(recording.images)
    for chunk in recording:
        total.add(chunk, GRADIENTS[gradient](LOSSES[loss], chunk.logits, y, mean))
    return LossGradient(
        direction=total.value,
        scale=total.scale,
        correct=mean.predicted == y,
        num_gradients=len(samples),
    )
