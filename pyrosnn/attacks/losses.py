"""Losses of attacks: a row for each."""

from pyrosnn.attacks.dlr import DLR
from pyrosnn.attacks.log_margin import LOG_MARGIN
from pyrosnn.attacks.loss import Loss, of_class, tiled
from pyrosnn.outputs.mean import MeanPrediction
from pyrosnn.shapes import Labels, Logits, PerImage


def cross_entropy(mean: MeanPrediction, y: Labels) -> PerImage:
    r"""Return $-\log p_y$ of the mean prediction, or of the softmax of mean logits."""
    return -of_class(mean.log_probs, y)


def cross_entropy_cotangents(logits: Logits, y: Labels, mean: MeanPrediction) -> Logits:
    r"""Return the cotangents of $-\log p_y$ of the mean prediction."""
    return -mean.discriminants.log_prob_cotangents(logits, y, mean)


def cross_entropy_toward(target: Labels) -> Loss:
    r"""Return the loss $\log p_t$ of given classes t."""
    return Loss(
        value=lambda mean, y: of_class(mean.log_probs, tiled(target, y)),
        cotangents=lambda logits, y, mean: mean.discriminants.log_prob_cotangents(
            logits, tiled(target, y), mean
        ),
    )


def margin(mean: MeanPrediction, y: Labels) -> PerImage:
    r"""Return $-(f_y - \max_{c \neq y} f_c)$ of the mean prediction."""
    return -mean.margin(y)


def margin_cotangents(logits: Logits, y: Labels, mean: MeanPrediction) -> Logits:
    """Return the cotangents of the negative margin."""
    cotangents = mean.discriminants.margin_cotangent(logits, y, mean.runner_up(y))
    return -cotangents / mean.total


def margin_toward(target: Labels) -> Loss:
    r"""Return the loss $f_t - f_y$ of given classes t."""

    def cotangents(logits: Logits, y: Labels, mean: MeanPrediction) -> Logits:
        of_margin = mean.discriminants.margin_cotangent(logits, y, tiled(target, y))
        return -of_margin / mean.total

    return Loss(
        value=lambda mean, y: of_class(mean.values, tiled(target, y)) - of_class(mean.values, y),
        cotangents=cotangents,
    )


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


def own_label(mean: MeanPrediction, y: Labels) -> PerImage:
    r"""Return $-\log \max_c p_c$ of the mean prediction, whatever the label.

    The cross-entropy of the class that is predicted at the image as it is now. With the gradient
    ``mean_loss`` each sample has a class of its own. A misclassified image is moved away from the
    wrong class, and samples that disagree cancel each other. The attack is weak, and makes a
    defence look better than it is; it is here to measure by how much.

    References:
        R. Pinot et al., Theoretical evidence for adversarial robustness through randomization,
        NeurIPS 2019: in their code attacks never get the labels.
    """
    return cross_entropy(mean, mean.predicted)


def own_label_cotangents(logits: Logits, y: Labels, mean: MeanPrediction) -> Logits:
    """Return the cotangents of the cross-entropy of the predicted class."""
    return cross_entropy_cotangents(logits, mean.predicted, mean)


LOSSES: dict[str, Loss] = {
    "cross-entropy": Loss(
        value=cross_entropy, cotangents=cross_entropy_cotangents, toward=cross_entropy_toward
    ),
    "margin": Loss(value=margin, cotangents=margin_cotangents, toward=margin_toward),
    "cw": Loss(value=carlini_wagner, cotangents=carlini_wagner_cotangents, rests=True),
    "dlr": DLR,
    "log-margin": LOG_MARGIN,
    "own-label": Loss(value=own_label, cotangents=own_label_cotangents),
}
