"""``probs``: the discriminant functions are the softmax of the logits."""

import torch
from torch import Tensor

from pyrosnn.outputs.algebra import label_direction, log_softmax_vjp, softmax
from pyrosnn.outputs.discriminants import Discriminants
from pyrosnn.outputs.mean import MeanPrediction
from pyrosnn.shapes import Labels, Logits, PerClass


class Probabilities(Discriminants):
    r"""$f = \operatorname{softmax}(z)$. Scores of a mean are $\log \sum_s p_c(x, \theta_s)$."""

    def values(self, logits: Logits) -> Logits:
        """Return the softmax."""
        return softmax(logits.double())

    def cotangent(self, logits: Logits, k: Labels) -> Logits:
        r"""Return $\partial p_k / \partial z = p_k (e_k - p)$."""
        exact = logits.double()
        p_k = softmax(exact).gather(-1, k.expand(len(exact), -1).unsqueeze(-1))
        return p_k * label_direction(exact, k)

    def slopes(self, values: Logits, tangents: Logits, y: Labels) -> Logits:
        r"""Return differences of $\dot p_c = p_c (\dot z_c - \sum_j p_j \dot z_j)$."""
        label = y.expand(len(tangents), -1).unsqueeze(-1)
        moving = tangents.double()
        # it does not change when a constant is added to dz: measured from the label's, nothing
        # cancels when p_y is close to 1
        moving = moving - moving.gather(-1, label)
        moving = values * (moving - (values * moving).sum(-1, keepdim=True))
        return moving - moving.gather(-1, label)

    def averaged_logits(self, logits: Tensor) -> Tensor:
        """Return the logarithm of the sum of probabilities."""
        return logits.log_softmax(-1).logsumexp(-2)

    def pool(
        self, exact: Logits, before: PerClass | None, weights: Tensor | None = None
    ) -> PerClass:
        r"""Return $\log \sum_s w_s p_{c,s}$."""
        log_probs = (exact.mT - exact.mT.logsumexp(-2, keepdim=True)).mT
        if weights is not None:
            log_probs = log_probs + weights.log()[:, None, None]
        total = log_probs[0] if len(log_probs) == 1 else log_probs.logsumexp(0)
        return total if before is None else torch.logaddexp(before, total)

    def total(self, scores: PerClass) -> PerClass:
        """Return the sum of probabilities."""
        return scores.exp()

    def prediction_logits(self, mean: MeanPrediction) -> PerClass:
        """Return the logarithm of the sum of probabilities."""
        return mean.scores

    def log_prob_cotangents(self, logits: Logits, y: Labels, mean: MeanPrediction) -> Logits:
        r"""Return $w_s \nabla \log p_{y,s}$ with $w_s = p_{y,s} / \sum_t p_{y,t}$, in log space."""
        exact = logits.double()
        if mean.num_samples == 1 and mean.total == 1:  # the sample's share is 1
            return label_direction(exact, y)
        label = y.unsqueeze(-1)
        z_y = exact.gather(-1, label.expand(len(exact), -1, -1))
        log_p = z_y - exact.mT.logsumexp(-2).unsqueeze(-1)
        return (log_p - mean.scores.gather(-1, label)).exp() * label_direction(exact, y)

    def log_probs_vjp(self, g: PerClass, logits: Logits, mean: MeanPrediction) -> Logits:
        r"""Apply the transpose of $\nabla \log \bar p_c = \sum_s w_{c,s} \nabla \log p_{c,s}$.

        The weights $w_{c,s} = p_{c,s} / \sum_t p_{c,t}$ are computed in log space.
        """
        exact = logits.double()
        weights = (exact.mT.log_softmax(-2).mT - mean.scores).exp()
        return log_softmax_vjp(g * weights, softmax(exact))
