r"""What an attack maximises, and which of three quantities its gradient is of.

A loss is given by its cotangents $\partial L / \partial z_s$: how it changes with the logits of
each sample. All else (chunks, norms, steps) is the same for every loss.
"""

from collections.abc import Callable

from torch import Tensor

from pyrosnn.models.classifier import Output
from pyrosnn.models.outputs import (
    Labels,
    Logits,
    label_direction,
    margin_cotangent,
    mean_discriminants,
    runner_up,
)

Loss = Callable[[Logits, Labels, Output], Tensor]


def cross_entropy(logits: Logits, y: Labels, output: Output) -> Tensor:
    r"""Return the cotangents of $-\log p_y$ of the mean prediction, float64.

    For probabilities $\nabla(-\log \bar p_y) = -\sum_s w_s \nabla \log p_{y,s}$ with weights
    $w_s = p_{y,s} / \sum_t p_{y,t}$, computed in log space. For logits the softmax of their
    mean is taken.
    """
    exact = logits.double()
    if output == "logits":
        mean = exact.mean(0)
        return -label_direction(mean, y).expand_as(exact) / len(exact)
    log_p = exact.log_softmax(-1).gather(-1, y.expand(len(exact), -1).unsqueeze(-1))
    return -log_p.softmax(0) * label_direction(exact, y)


def margin(logits: Logits, y: Labels, output: Output) -> Tensor:
    r"""Return the cotangents of $-(f_y - \max_{c \neq y} f_c)$ of the mean prediction."""
    return -margin_cotangent(logits, y, runner_up(logits, y, output), output)


def carlini_wagner(logits: Logits, y: Labels, output: Output) -> Tensor:
    r"""Return the cotangents of $-\max(f_y - \max_{c \neq y} f_c, 0)$ of the mean prediction.

    The margin loss that rests once the attacker's own samples misclassify the image.

    References:
        N. Carlini, D. Wagner, Adversarial examples are not easily detected, AISec 2017; the
        supplement's C.3 applies it to averaged logits.
    """
    f = mean_discriminants(logits, output)
    nearest = runner_up(logits, y, output)
    leads = f.gather(-1, y.unsqueeze(-1)) > f.gather(-1, nearest.unsqueeze(-1))
    return -margin_cotangent(logits, y, nearest, output) * leads


LOSSES: dict[str, Loss] = {"cross-entropy": cross_entropy, "margin": margin, "cw": carlini_wagner}


def of_mean_prediction(loss: Loss, logits: Logits, y: Labels, output: Output) -> Tensor:
    r"""Cotangents of $L(\frac1S\sum_s f(x, \theta_s), y)$: equation 2 of the paper."""
    return loss(logits, y, output)


def of_mean_loss(loss: Loss, logits: Logits, y: Labels, output: Output) -> Tensor:
    r"""Cotangents of $\frac1S\sum_s L(f(x, \theta_s), y)$: every sample a set of its own."""
    num_samples, num_examples, num_classes = logits.shape
    each = logits.reshape(1, num_samples * num_examples, num_classes)
    return loss(each, y.repeat(num_samples), output).reshape(logits.shape) / num_samples


def of_mean_logits(loss: Loss, logits: Logits, y: Labels, output: Output) -> Tensor:
    r"""Cotangents of $L(\frac1S\sum_s z(x, \theta_s), y)$, whatever f is."""
    return loss(logits, y, "logits")


GRADIENTS: dict[str, Callable[[Loss, Logits, Labels, Output], Tensor]] = {
    "mean_prediction": of_mean_prediction,
    "mean_loss": of_mean_loss,
    "mean_logits": of_mean_logits,
}
