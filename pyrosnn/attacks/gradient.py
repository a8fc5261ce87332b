"""The gradient of an attack's loss on a sample set, as a public function."""

from dataclasses import dataclass

from torch import Tensor

from pyrosnn.attacks.maximised import AttackLoss, Gradient
from pyrosnn.attacks.precision import in_precision
from pyrosnn.data.dataset import check_batch, require_on
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import SampleSet, require_attackers
from pyrosnn.shapes import Flags


@dataclass(frozen=True, kw_only=True)
class LossGradient(Gradient):
    """A loss gradient at images, and whether the samples classify them correctly.

    Attributes:
        correct: whether the mean prediction at x is the label, shape (example,).
        num_gradients: gradients of a single sample that were computed for each image.
    """

    correct: Flags
    num_gradients: int


def require_attackable(
    classifier: StochasticClassifier, x: Tensor, y: Tensor, samples: SampleSet
) -> None:
    """Refuse images, labels or samples that cannot be used for an attack.

    Raises:
        ArgumentError: for bad images or labels, or samples of another classifier.
        OverlapError: if the samples are an inference set.
    """
    require_on(classifier.device, images=x, labels=y)
    check_batch(
        x,
        y,
        num_classes=classifier.num_classes,
        image_shape=classifier.image_shape,
        dtype=classifier.dtype,
    )
    require_attackers(samples.origin)
    samples.require_fit(classifier, len(x))


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
        UnknownNameError: for an unknown loss, gradient or precision.
        ArgumentError: for bad images or labels, or samples of another classifier.
        OverlapError: if the samples are an inference set.
    """
    maximised = AttackLoss(loss=loss, gradient=gradient, precision=precision)
    require_attackable(classifier, x, y, samples)
    attacker = in_precision(classifier, precision)
    derivative, mean = maximised.differentiate(attacker, x, y, samples, predict=True)
    assert mean is not None  # asked for
    return LossGradient(
        direction=derivative.direction,
        scale=derivative.scale,
        correct=mean.predicted == y,
        num_gradients=len(samples),
    )
