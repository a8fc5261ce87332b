r"""Outputs of a module of the mean prediction: one number per class, and its derivative.

Both outputs are written as functions of the mean prediction, with the cotangents of each sample's
logits that belong to cotangents of the output. They are computed in float64, so that a module
whose softmax is saturated still has the direction that a loss asks for.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pyrosnn.outputs.mean import MeanPrediction
from pyrosnn.shapes import Logits, PerClass


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


def log_probs(mean: MeanPrediction) -> PerClass:
    r"""Return $\log f^S_c(x)$, or the log-softmax of $f^S(x)$ where f is a logit."""
    return mean.log_probs


def log_probs_cotangents(g: PerClass, logits: Logits, mean: MeanPrediction) -> Logits:
    """Return the cotangents of each sample's logits, given those of the log-probabilities."""
    return mean.discriminants.log_probs_vjp(g.double(), logits, mean)


def mean_logits(mean: MeanPrediction) -> PerClass:
    r"""Return $\frac1S \sum_s z(x, \theta_s)$, whatever f is."""
    return mean.of_logits().values


def mean_logits_cotangents(g: PerClass, logits: Logits, mean: MeanPrediction) -> Logits:
    """Return the cotangents of each sample's logits, given those of the mean logits."""
    return g.double().expand(logits.shape) / mean.total


MODULE_OUTPUTS = {
    "log-probs": ModuleOutput(value=log_probs, cotangents=log_probs_cotangents),
    "logits": ModuleOutput(value=mean_logits, cotangents=mean_logits_cotangents),
}
