r"""Losses of attacks: a row for each, with its value and its cotangents.

Both are functions of a mean prediction. The cotangents $\partial L / \partial z_s$ say how the loss
changes with the logits of each sample: they need the mean prediction of all samples, and the
logits of the chunk in hand. All else (averages, chunks, norms, steps) is the same for every loss.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pyrosnn.outputs.mean import MeanPrediction
from pyrosnn.shapes import Labels, Logits, PerImage


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A loss of a mean prediction.

    Attributes:
        value: (mean prediction, labels) to the loss of each image, float64, shape (example,).
        cotangents: (logits of some samples, labels, mean prediction of all) to the derivatives of
            the value with respect to these logits, float64, shape (sample, example, class).
        rests: whether the loss is constant on images that the attacker's samples misclassify: an
            attack that follows the gradient of fixed samples is then finished with them.
    """

    value: Callable[[MeanPrediction, Labels], PerImage]
    cotangents: Callable[[Logits, Labels, MeanPrediction], Logits]
    rests: bool = False


def cross_entropy(mean: MeanPrediction, y: Labels) -> PerImage:
    r"""Return $-\log p_y$ of the mean prediction, or of the softmax of mean logits."""
    return -mean.log_probs.gather(-1, y.unsqueeze(-1)).squeeze(-1)


def cross_entropy_cotangents(logits: Logits, y: Labels, mean: MeanPrediction) -> Logits:
    r"""Return the cotangents of $-\log p_y$ of the mean prediction."""
    return -mean.discriminants.log_prob_cotangents(logits, y, mean)


def margin(mean: MeanPrediction, y: Labels) -> PerImage:
    r"""Return $-(f_y - \max_{c \neq y} f_c)$ of the mean prediction."""
    return -mean.margin(y)


def margin_cotangents(logits: Logits, y: Labels, mean: MeanPrediction) -> Logits:
    """Return the cotangents of the negative margin."""
    cotangents = mean.discriminants.margin_cotangent(logits, y, mean.runner_up(y))
    return -cotangents / mean.num_samples


def carlini_wagner(mean: MeanPrediction, y: Labels) -> PerImage:
    r"""Return $-\max(f_y - \max_{c \neq y} f_c, 0)$ of the mean prediction.

    The margin loss that rests once the attacker's own samples misclassify the image.

    References:
        N. Carlini, D. Wagner, Adversarial examples are not easily detected, AISec 2017; the
        supplement's C.3 applies it to averaged logits.
    """
    return -mean.margin(y).clamp(min=0.0)


def carlini_wagner_cotangents(logits: Logits, y: Labels, mean: MeanPrediction) -> Logits:
    """Return the cotangents of the margin, and 0 for misclassified images."""
    leads = mean.margin(y) > 0
    return margin_cotangents(logits, y, mean) * leads.unsqueeze(-1)


LOSSES: dict[str, Loss] = {
    "cross-entropy": Loss(value=cross_entropy, cotangents=cross_entropy_cotangents),
    "margin": Loss(value=margin, cotangents=margin_cotangents),
    "cw": Loss(value=carlini_wagner, cotangents=carlini_wagner_cotangents, rests=True),
}
