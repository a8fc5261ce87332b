"""The gradient of an attack's loss on a sample set, as a public function."""

from dataclasses import dataclass

from pyrosnn.attacks.maximised import AttackLoss, Gradient
from pyrosnn.attacks.precision import in_precision
from pyrosnn.models.batch import batch_for
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.neutral import neutral
from pyrosnn.sampling import SampleSet, require_attackers
from pyrosnn.sampling.replay import GRADIENTS, require_finite
from pyrosnn.settings import checked_arguments
from pyrosnn.shapes import Flags, Images, ImagesLike, Labels, LabelsLike


@dataclass(frozen=True, kw_only=True)
class LossGradient(Gradient):
    """A loss gradient at images, and whether the samples classify them correctly.

    Attributes:
        correct: whether the mean prediction at x is the label, shape (example,).
        num_gradients: gradients of a single sample that were computed for each image.
    """

    correct: Flags
    num_gradients: int


def attackable(
    classifier: StochasticClassifier, x: ImagesLike, y: LabelsLike, samples: SampleSet
) -> tuple[Images, Labels]:
    """Return images and labels as tensors; refuse what cannot be used for an attack.

    Args:
        classifier: the classifier attacked.
        x: images: a tensor, an array or nested lists.
        y: labels, likewise.
        samples: the attack set.

    Raises:
        ArgumentError: for bad images or labels, or samples of another classifier.
        OverlapError: if the samples are an inference set.
    """
    images, labels = batch_for(classifier, x, y)
    require_attackers(samples.origin)
    samples.require_fit(classifier, len(images))
    return images, labels


@checked_arguments
@neutral
def loss_gradient(
    classifier: StochasticClassifier,
    x: ImagesLike,
    y: LabelsLike,
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
        UnknownNameError: for an unknown loss, gradient or precision.
        ArgumentError: for bad images or labels, or samples of another classifier.
        OverlapError: if the samples are an inference set.
    """
    maximised = AttackLoss(loss=loss, gradient=gradient, precision=precision)
    x, y = attackable(classifier, x, y, samples)
    attacker = in_precision(classifier, precision)
    derivative, mean = maximised.differentiate(attacker, x, y, samples, predict=True)
    assert mean is not None  # asked for
    require_finite(derivative.direction, GRADIENTS)
    return LossGradient(
        direction=derivative.direction,
        scale=derivative.scale,
        correct=mean.predicted == y,
        num_gradients=len(samples),
    )
