r"""From the logits of samples to predictions, margins and their derivatives.

Everything here is exact algebra on small arrays of logits, shape (sample, example, class), done
in float64: with float32, 1 - p_y is 0 once the logits differ by 17, and an attack or a
condition built on it would be wrong without a sign of it. What is summed over samples is given
for each of them, so that they may come in chunks.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pyrosnn.models.classifier import Output

Logits = Float[Tensor, "sample example class_"]
Labels = Int[Tensor, " example"]
PerClass = Float[Tensor, "example class_"]


def one_hot(y: Labels, like: Tensor) -> Float[Tensor, "example class_"]:
    """Return e_y for each image, with the classes and dtype of ``like``; asks for no value."""
    classes = torch.arange(like.shape[-1], device=y.device)
    return (y.unsqueeze(-1) == classes).to(like.dtype)


def softmax(logits: Tensor) -> Tensor:
    """Return the softmax over classes, vectorised over images: twice as fast on ten classes."""
    return logits.mT.softmax(-2).mT


def discriminants(logits: Logits, output: Output) -> Logits:
    r"""Return $f(x, \theta_s)$ in float64.

    Args:
        logits: logits of each sample.
        output: what f is.
    """
    exact = logits.double()
    return softmax(exact) if output == "probs" else exact


def sum_samples(values: Logits) -> PerClass:
    """Return the sum over samples; over images in memory's order, six times as fast."""
    return values.mT.sum(0).mT


def label_direction(logits: Tensor, y: Labels) -> Tensor:
    r"""Return $\nabla_z \log p_y = e_y - p$, with the label's entry as $\sum_{j \neq y} p_j$.

    Args:
        logits: shape (…, example, class), float64.
        y: labels.
    """
    hot = one_hot(y, logits)
    others = softmax(logits) * (1 - hot)
    return hot * others.sum(-1, keepdim=True) - others


def discriminant_cotangent(logits: Logits, k: Labels, output: Output) -> Logits:
    r"""Return $\partial f_k(x, \theta_s) / \partial z_s$ for each sample, float64.

    Args:
        logits: logits of each sample.
        k: a class for each image.
        output: what f is; for probabilities $\partial p_k / \partial z = p_k (e_k - p)$.
    """
    exact = logits.double()
    if output == "logits":
        return one_hot(k, exact).expand_as(exact)
    p_k = softmax(exact).gather(-1, k.expand(len(exact), -1).unsqueeze(-1))
    return p_k * label_direction(exact, k)


def margin_cotangent(logits: Logits, y: Labels, c: Labels, output: Output) -> Logits:
    r"""Return $\partial (f_y - f_c)(x, \theta_s) / \partial z_s$ for each sample, float64.

    Args:
        logits: logits of each sample.
        y: labels.
        c: the class compared with, for each image.
        output: what f is.
    """
    return discriminant_cotangent(logits, y, output) - discriminant_cotangent(logits, c, output)


def discriminant_slopes(values: Logits, tangents: Logits, y: Labels, output: Output) -> Logits:
    r"""Return how fast $f_c - f_y$ grows along a direction u, for each sample, float64.

    Args:
        values: $f(x, \theta_s)$.
        tangents: derivative of the logits along u.
        y: labels.
        output: what f is.

    Returns:
        $\langle -\nabla(f_y - f_c), u \rangle$ for all classes, 0 at c = y.
    """
    moving = tangents.double()
    label = y.expand(len(moving), -1).unsqueeze(-1)
    if output == "probs":
        # dp_c = p_c (dz_c - Σ_j p_j dz_j) does not change when a constant is added to dz:
        # measured from the label's, nothing cancels when p_y is close to 1
        moving = moving - moving.gather(-1, label)
        moving = values * (moving - (values * moving).sum(-1, keepdim=True))
    return moving - moving.gather(-1, label)


class MeanPrediction:
    r"""The prediction $f^S(x) = \frac1S \sum_s f(x, \theta_s)$ of samples that come in chunks.

    Kept as $\log \sum_s p_c(x, \theta_s)$, where f is a probability, so that a class is compared
    with others however small its probability is.

    Args:
        output: what f is.
    """

    def __init__(self, output: Output):
        self.output = output
        self.num_samples = 0
        self._logits: Tensor | float = 0.0
        self._latest: Tensor | None = None  # what is not yet in the next
        self._before: Tensor | None = None

    def add(self, logits: Logits) -> "MeanPrediction":
        """Add samples; return self."""
        exact = logits.double()
        self.num_samples += len(exact)
        self._logits = self._logits + exact.sum(0)
        if self.output == "probs":
            self._before, self._latest = self._log_probs, exact
        return self

    @property
    def _log_probs(self) -> Tensor | None:
        r"""$\log \sum_s p_{c,s}$, computed when it is asked for: some losses never do."""
        if self._latest is not None:
            exact, before = self._latest, self._before
            each = (exact.mT - exact.mT.logsumexp(-2, keepdim=True)).mT
            total = each[0] if len(each) == 1 else each.logsumexp(0)
            self._before = total if before is None else torch.logaddexp(before, total)
            self._latest = None
        return self._before

    @property
    def scores(self) -> PerClass:
        r"""$\log \sum_s p_{c,s}$ or $\sum_s z_{c,s}$: f up to what changes no comparison."""
        log_probs = self._log_probs
        return torch.as_tensor(self._logits) if log_probs is None else log_probs

    @property
    def values(self) -> PerClass:
        r"""$f^S(x)$."""
        log_probs = self._log_probs
        total = torch.as_tensor(self._logits) if log_probs is None else log_probs.exp()
        return total / self.num_samples

    @property
    def predicted(self) -> Labels:
        r"""$\arg\max_c f_c^S(x)$."""
        return self.scores.argmax(-1)

    def runner_up(self, y: Labels) -> Labels:
        r"""$\arg\max_{c \neq y} f_c^S(x)$, found where its probability underflows, too."""
        hot = one_hot(y, self.scores).bool()
        return self.scores.masked_fill(hot, -torch.inf).argmax(-1)

    def margin(self, y: Labels) -> Float[Tensor, " example"]:
        """Return f_y - max over the other classes."""
        other = self.runner_up(y).unsqueeze(-1)
        return (self.values.gather(-1, y.unsqueeze(-1)) - self.values.gather(-1, other)).squeeze(-1)

    def of_logits(self) -> "MeanPrediction":
        """Return the mean prediction of the same samples where f is a logit."""
        pooled = MeanPrediction("logits")
        pooled.num_samples, pooled._logits = self.num_samples, self._logits
        return pooled
