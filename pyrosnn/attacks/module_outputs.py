r"""What a module of the mean prediction returns: one number a class, and the way back to logits.

Both outputs are written as functions of the mean prediction, with the cotangents of each sample's
logits that belong to cotangents of the output. They are computed in float64, so that a module
whose softmax is saturated still has the direction that a loss asks for.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pyrosnn.models.outputs import Logits, MeanPrediction, PerClass, softmax


@dataclass(frozen=True)
class ModuleOutput:
    """A function of the mean prediction.

    Attributes:
        value: its value, float64, shape (example, class).
        cotangents: (cotangents of the value, logits of some samples, mean prediction) to the
            cotangents of these logits, float64, shape (sample, example, class).
    """

    value: Callable[[MeanPrediction], PerClass]
    cotangents: Callable[[PerClass, Logits, MeanPrediction], Logits]


def log_softmax_pull(cotangents: Tensor, p: Tensor) -> Tensor:
    r"""Return the logits' cotangents $u_k = g_k \sum_{c \ne k} p_c - p_k \sum_{c \ne k} g_c$.

    The transposed derivative of a log-softmax, $g_k - p_k \sum_c g_c$, without a difference of
    numbers that are nearly the same: $1 - p_k$ is 0 in floating point where $p_k$ is close to 1.

    Args:
        cotangents: g, shape (…, example, class).
        p: the softmax, shape (…, example, class).
    """
    classes = p.shape[-1]
    others = 1 - torch.eye(classes, dtype=p.dtype, device=p.device)
    return cotangents * (p @ others) - p * (cotangents @ others)


def log_probs(mean: MeanPrediction) -> PerClass:
    r"""Return $\log f^S_c(x)$, or the log-softmax of $f^S(x)$ where f is a logit."""
    scores = mean.values if mean.output == "logits" else mean.scores
    return scores.log_softmax(-1)


def log_probs_cotangents(g: PerClass, logits: Logits, mean: MeanPrediction) -> Logits:
    r"""Pull cotangents of the log-probabilities back to each sample's logits.

    $\nabla \log \bar p_c = \sum_s w_{c,s} \nabla \log p_{c,s}$ with weights
    $w_{c,s} = p_{c,s} / \sum_t p_{c,t}$, computed in log space.
    """
    exact, g = logits.double(), g.double()
    if mean.output == "logits":
        return log_softmax_pull(g, mean.values.softmax(-1)).expand_as(exact) / mean.num_samples
    weights = (exact.mT.log_softmax(-2).mT - mean.scores).exp()
    return log_softmax_pull(g * weights, softmax(exact))


def mean_logits(mean: MeanPrediction) -> PerClass:
    r"""Return $\frac1S \sum_s z(x, \theta_s)$, whatever f is."""
    return mean.of_logits().values


def mean_logits_cotangents(g: PerClass, logits: Logits, mean: MeanPrediction) -> Logits:
    """Pull cotangents of the mean logits back to each sample's logits."""
    return g.double().expand(logits.shape) / mean.num_samples


MODULE_OUTPUTS = {
    "log-probs": ModuleOutput(value=log_probs, cotangents=log_probs_cotangents),
    "logits": ModuleOutput(value=mean_logits, cotangents=mean_logits_cotangents),
}
