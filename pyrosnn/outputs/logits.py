"""``logits``: the discriminant functions are the logits themselves."""

from torch import Tensor

from pyrosnn.outputs.algebra import label_direction, log_softmax_vjp, one_hot
from pyrosnn.outputs.discriminants import Discriminants
from pyrosnn.outputs.mean import MeanPrediction
from pyrosnn.shapes import Labels, Logits, PerClass


class PlainLogits(Discriminants):
    r"""$f = z$. Scores of a mean are $\sum_s z_{c,s}$; its probabilities the mean's softmax."""

    def values(self, logits: Logits) -> Logits:
        """Return the logits."""
        return logits.double()

    def cotangent(self, logits: Logits, k: Labels) -> Logits:
        """Return e_k."""
        exact = logits.double()
        return one_hot(k, exact).expand_as(exact)

    def slopes(self, values: Logits, tangents: Logits, y: Labels) -> Logits:
        """Return differences of the tangents."""
        moving = tangents.double()
        return moving - moving.gather(-1, y.expand(len(moving), -1).unsqueeze(-1))

    def averaged_logits(self, logits: Tensor) -> Tensor:
        """Return the mean."""
        return logits.mean(-2)

    def pool(self, exact: Logits, before: PerClass | None, weights: Tensor | None = None) -> None:
        """Return None: the score is the sum of the logits."""
        return None

    def total(self, scores: PerClass) -> PerClass:
        """Return the sum of the logits."""
        return scores

    def prediction_logits(self, mean: MeanPrediction) -> PerClass:
        """Return the mean logits."""
        return mean.values

    def log_prob_cotangents(self, logits: Logits, y: Labels, mean: MeanPrediction) -> Logits:
        """Return the cotangents of the mean logits, divided among the samples."""
        return label_direction(mean.values, y).expand(logits.shape) / mean.total

    def log_probs_vjp(self, g: PerClass, logits: Logits, mean: MeanPrediction) -> Logits:
        """Return the cotangents of the mean logits, divided among the samples."""
        of_mean = log_softmax_vjp(g, mean.values.softmax(-1))
        return of_mean.expand(logits.shape) / mean.total
