r"""`log-margin`: $-(\log f_y - \max_{c \neq y} \log f_c)$ of the mean prediction.

The difference of logits by which a deterministic softmax decides; of mean logits it is their
margin. It is 0 at the boundary, and unlike the margin of probabilities it does not saturate:
its distance to 0, divided by its slope, is a sensible guess of the distance to the boundary.
"""

from pyrosnn.attacks.loss import Loss, of_class, tiled
from pyrosnn.outputs.algebra import one_hot
from pyrosnn.outputs.mean import MeanPrediction
from pyrosnn.shapes import Labels, Logits, PerImage


def _row(target: Labels | None) -> Loss:
    """Return the loss toward given classes, or toward the likeliest other class."""

    def against(mean: MeanPrediction, y: Labels) -> Labels:
        return mean.runner_up(y) if target is None else tiled(target, y)

    def value(mean: MeanPrediction, y: Labels) -> PerImage:
        return of_class(mean.log_probs, against(mean, y)) - of_class(mean.log_probs, y)

    def cotangents(logits: Logits, y: Labels, mean: MeanPrediction) -> Logits:
        other = one_hot(against(mean, y), mean.log_probs)
        rising = other - one_hot(y, mean.log_probs)
        return mean.discriminants.log_probs_vjp(rising, logits, mean)

    return Loss(value=value, cotangents=cotangents, toward=None if target is not None else _row)


LOG_MARGIN = _row(None)
