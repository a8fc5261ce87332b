r"""`dlr`: the difference of logits ratio, which no scale or shift of the logits changes.

$-(z_y - \max_{c \ne y} z_c) / (z_{(1)} - z_{(3)})$ with z sorted from the largest, and toward a
class t $-(z_y - z_t) / (z_{(1)} - (z_{(3)} + z_{(4)}) / 2)$. For z stand the log-probabilities of
the mean prediction: they are logits of its softmax.

References:
    F. Croce, M. Hein, Reliable evaluation of adversarial robustness, ICML 2020, section 4.
"""

from torch import Tensor

from pyrosnn.attacks.loss import Loss, tiled
from pyrosnn.errors import require
from pyrosnn.outputs.algebra import one_hot
from pyrosnn.outputs.mean import MeanPrediction
from pyrosnn.shapes import Labels, Logits, PerClass, PerImage

# Where the best classes are as likely as each other the ratio is 0 / 0: no smaller difference
# divides it.
SMALLEST = 1e-12


def _ratio(z: PerClass, y: Labels, other: Labels, below: dict[int, float]) -> tuple[Tensor, Tensor]:
    """Return -(z_y - z_other) / (z_(1) - Σ w_k z_(k)), and its derivatives by z.

    Args:
        z: log-probabilities.
        y: labels.
        other: the class compared with, of each image.
        below: weight of each place in the order of z, counted from 0.
    """
    places = 1 + max(below)
    require(
        z.shape[-1] >= places,
        f"this loss compares the label with {places} classes, the classifier has {z.shape[-1]}; "
        "take the loss 'margin'",
    )
    ordered = z.topk(places, dim=-1)
    scale, of_scale = ordered.values[:, 0], one_hot(ordered.indices[:, 0], z)
    for place, weight in below.items():
        scale = scale - weight * ordered.values[:, place]
        of_scale = of_scale - weight * one_hot(ordered.indices[:, place], z)
    of_lead = one_hot(y, z) - one_hot(other, z)
    lead = (z * of_lead).sum(-1)
    safe = scale.clamp(min=SMALLEST)
    moving = (lead * (scale > SMALLEST) / safe).unsqueeze(-1)
    return -lead / safe, (moving * of_scale - of_lead) / safe.unsqueeze(-1)


def _row(other: Labels | None, below: dict[int, float]) -> Loss:
    """Return the loss toward given classes, or from the label to the likeliest other class."""

    def ratio(mean: MeanPrediction, y: Labels) -> tuple[Tensor, Tensor]:
        against = mean.runner_up(y) if other is None else tiled(other, y)
        return _ratio(mean.log_probs, y, against, below)

    def value(mean: MeanPrediction, y: Labels) -> PerImage:
        return ratio(mean, y)[0]

    def cotangents(logits: Logits, y: Labels, mean: MeanPrediction) -> Logits:
        return mean.discriminants.log_probs_vjp(ratio(mean, y)[1], logits, mean)

    return Loss(value=value, cotangents=cotangents)


def toward(target: Labels) -> Loss:
    """Return the targeted form, for classifiers with at least 4 classes."""
    return _row(target, {2: 0.5, 3: 0.5})


def plain() -> Loss:
    """Return the loss, for classifiers with at least 3 classes."""
    loss = _row(None, {2: 1.0})
    return Loss(value=loss.value, cotangents=loss.cotangents, toward=toward)


DLR = plain()
