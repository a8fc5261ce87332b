r"""What an attack maximises, and which of three quantities its gradient is of.

A loss is given by its cotangents $\partial L / \partial z_s$: how it changes with the logits of
each sample. They need the mean prediction of all samples, and the logits of the chunk in hand.
All else (chunks, norms, steps) is the same for every loss.
"""

from collections.abc import Callable

from torch import Tensor

from pyrosnn.models.outputs import (
    Labels,
    Logits,
    MeanPrediction,
    label_direction,
    margin_cotangent,
)

Loss = Callable[[Logits, Labels, MeanPrediction], Tensor]


def cross_entropy(logits: Logits, y: Labels, mean: MeanPrediction) -> Tensor:
    r"""Return the cotangents of $-\log p_y$ of the mean prediction, float64.

    For probabilities $\nabla(-\log \bar p_y) = -\sum_s w_s \nabla \log p_{y,s}$ with weights
    $w_s = p_{y,s} / \sum_t p_{y,t}$, computed in log space. For logits the softmax of their
    mean is taken.
    """
    exact = logits.double()
    if mean.output == "logits":
        return -label_direction(mean.values, y).expand_as(exact) / mean.num_samples
    label = y.unsqueeze(-1)
    z_y = exact.gather(-1, label.expand(len(exact), -1, -1))
    log_p = z_y - exact.mT.logsumexp(-2).unsqueeze(-1)
    return -(log_p - mean.scores.gather(-1, label)).exp() * label_direction(exact, y)


def margin(logits: Logits, y: Labels, mean: MeanPrediction) -> Tensor:
    r"""Return the cotangents of $-(f_y - \max_{c \neq y} f_c)$ of the mean prediction."""
    cotangents = margin_cotangent(logits, y, mean.runner_up(y), mean.output)
    return -cotangents / mean.num_samples


def carlini_wagner(logits: Logits, y: Labels, mean: MeanPrediction) -> Tensor:
    r"""Return the cotangents of $-\max(f_y - \max_{c \neq y} f_c, 0)$ of the mean prediction.

    The margin loss that rests once the attacker's own samples misclassify the image.

    References:
        N. Carlini, D. Wagner, Adversarial examples are not easily detected, AISec 2017; the
        supplement's C.3 applies it to averaged logits.
    """
    leads = mean.margin(y) > 0
    return margin(logits, y, mean) * leads.unsqueeze(-1)


LOSSES: dict[str, Loss] = {"cross-entropy": cross_entropy, "margin": margin, "cw": carlini_wagner}


def of_mean_prediction(loss: Loss, logits: Logits, y: Labels, mean: MeanPrediction) -> Tensor:
    r"""Cotangents of $L(\frac1S\sum_s f(x, \theta_s), y)$: equation 2 of the paper."""
    return loss(logits, y, mean)


def of_mean_loss(loss: Loss, logits: Logits, y: Labels, mean: MeanPrediction) -> Tensor:
    r"""Cotangents of $\frac1S\sum_s L(f(x, \theta_s), y)$: every sample a set of its own."""
    num_samples, num_examples, num_classes = logits.shape
    each = logits.reshape(1, num_samples * num_examples, num_classes)
    own = MeanPrediction(mean.output).add(each)
    return loss(each, y.repeat(num_samples), own).reshape(logits.shape) / mean.num_samples


def of_mean_logits(loss: Loss, logits: Logits, y: Labels, mean: MeanPrediction) -> Tensor:
    r"""Cotangents of $L(\frac1S\sum_s z(x, \theta_s), y)$, whatever f is."""
    return loss(logits, y, mean.of_logits())


GRADIENTS: dict[str, Callable[[Loss, Logits, Labels, MeanPrediction], Tensor]] = {
    "mean_prediction": of_mean_prediction,
    "mean_loss": of_mean_loss,
    "mean_logits": of_mean_logits,
}
