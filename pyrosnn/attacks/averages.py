"""Averages over samples: of predictions, losses or logits.

A row for each of the three quantities that are called "the attack gradient", with the value of a
loss and its cotangents.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from pyrosnn.attacks.loss import Loss
from pyrosnn.outputs.mean import MeanPrediction
from pyrosnn.shapes import Labels, Logits, PerImage


@dataclass(frozen=True, kw_only=True)
class Average:
    """The loss of a sample set, as an average over its samples.

    Attributes:
        value: (loss, logits of samples, labels, their mean prediction) to the loss of each image
            on these samples, float64, shape (example,); where the loss is ``apart``, to that of
            each sample, shape (sample, example).
        cotangents: (loss, logits of some samples, labels, mean prediction of all) to the
            derivatives of the value with respect to these logits.
        apart: whether the loss is a mean over samples of what each has alone: of the mean
            prediction only the samples' total weight then matters, and one pass gives the gradient.
    """

    value: Callable[[Loss, Logits, Labels, MeanPrediction], Tensor]
    cotangents: Callable[[Loss, Logits, Labels, MeanPrediction], Logits]
    apart: bool = False


def of_mean_prediction(loss: Loss, logits: Logits, y: Labels, mean: MeanPrediction) -> PerImage:
    r"""Return $L(\frac1S\sum_s f(x, \theta_s), y)$: equation 2 of the paper."""
    return loss.value(mean, y)


def mean_prediction_cotangents(
    loss: Loss, logits: Logits, y: Labels, mean: MeanPrediction
) -> Logits:
    """Return the cotangents of the loss of the mean prediction."""
    return loss.cotangents(logits, y, mean)


def _alone(logits: Logits, y: Labels) -> tuple[Tensor, Tensor]:
    """Return each sample's prediction of an image as a separate image with one sample."""
    return logits.double().reshape(1, -1, logits.shape[-1]), y.repeat(len(logits))


def of_mean_loss(loss: Loss, logits: Logits, y: Labels, mean: MeanPrediction) -> Tensor:
    r"""Return $L(f(x, \theta_s), y)$ of each sample, whose mean is the loss."""
    singles, labels = _alone(logits, y)
    own = MeanPrediction(mean.output).add(singles)
    return loss.value(own, labels).reshape(logits.shape[:-1])


def mean_loss_cotangents(loss: Loss, logits: Logits, y: Labels, mean: MeanPrediction) -> Logits:
    """Return the cotangents of the mean of the samples' losses."""
    singles, labels = _alone(logits, y)
    own = MeanPrediction(mean.output).add(singles)
    return loss.cotangents(singles, labels, own).reshape(logits.shape) / mean.total


def of_mean_logits(loss: Loss, logits: Logits, y: Labels, mean: MeanPrediction) -> PerImage:
    r"""Return $L(\frac1S\sum_s z(x, \theta_s), y)$, whatever f is."""
    return loss.value(mean.of_logits(), y)


def mean_logits_cotangents(loss: Loss, logits: Logits, y: Labels, mean: MeanPrediction) -> Logits:
    """Return the cotangents of the loss of the mean logits."""
    return loss.cotangents(logits, y, mean.of_logits())


GRADIENTS: dict[str, Average] = {
    "mean_prediction": Average(value=of_mean_prediction, cotangents=mean_prediction_cotangents),
    "mean_loss": Average(value=of_mean_loss, cotangents=mean_loss_cotangents, apart=True),
    "mean_logits": Average(value=of_mean_logits, cotangents=mean_logits_cotangents),
}
