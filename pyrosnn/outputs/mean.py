"""The mean prediction of samples that come in chunks."""

import torch
from torch import Tensor

from pyrosnn.outputs import discriminants_of
from pyrosnn.outputs.algebra import one_hot, weighted
from pyrosnn.shapes import Labels, Logits, PerClass, PerImage


class MeanPrediction:
    r"""The prediction $f^S(x) = \frac1W \sum_s w_s f(x, \theta_s)$ of samples that come in chunks.

    The weights $w_s$ are 1, and their sum W is S, but for samples that were enumerated.

    Kept as $\log \sum_s p_c(x, \theta_s)$, where f is a probability, so that a class is compared
    with others however small its probability is.

    Args:
        output: what f is, a name in ``OUTPUTS``.

    Attributes:
        discriminants: the functions of that kind.
        num_samples: S, so far.
        total: W, so far.
    """

    def __init__(self, output: str):
        self.output = output
        self.discriminants = discriminants_of(output)
        self.num_samples, self.total = 0, 0.0
        self._logits: Tensor | float = 0.0
        self._latest: tuple[Tensor, Tensor | None] | None = None  # what is not yet in the next
        self._before: Tensor | None = None

    def add(self, logits: Logits, weights: Tensor | None = None) -> "MeanPrediction":
        """Add samples; return self.

        Args:
            logits: of the samples.
            weights: how much each of them counts, shape (sample,); None if all count alike.
        """
        exact = logits.double()
        self.num_samples += len(exact)
        self.total += len(exact) if weights is None else float(weights.sum())
        self._logits = self._logits + weighted(exact, weights).sum(0)
        self._before, self._latest = self._pooled, (exact, weights)
        return self

    @property
    def _pooled(self) -> Tensor | None:
        """The scores if they are no sum of logits, computed lazily: some losses need none."""
        if self._latest is not None:
            exact, weights = self._latest
            self._before = self.discriminants.pool(exact, self._before, weights)
            self._latest = None
        return self._before

    @property
    def scores(self) -> PerClass:
        r"""$\log \sum_s w_s p_{c,s}$ or $\sum_s w_s z_{c,s}$: monotone in f, for comparisons."""
        pooled = self._pooled
        return torch.as_tensor(self._logits) if pooled is None else pooled

    @property
    def values(self) -> PerClass:
        r"""$f^S(x)$."""
        return self.discriminants.total(self.scores) / self.total

    @property
    def log_probs(self) -> PerClass:
        r"""$\log f^S_c(x)$, or the log-softmax of $f^S(x)$ where f is a logit."""
        return self.discriminants.prediction_logits(self).log_softmax(-1)

    @property
    def predicted(self) -> Labels:
        r"""$\arg\max_c f_c^S(x)$."""
        return self.scores.argmax(-1)

    def runner_up(self, y: Labels) -> Labels:
        r"""$\arg\max_{c \neq y} f_c^S(x)$, even where its probability underflows."""
        hot = one_hot(y, self.scores).bool()
        return self.scores.masked_fill(hot, -torch.inf).argmax(-1)

    def margin(self, y: Labels) -> PerImage:
        """Return f_y - max over the other classes."""
        other = self.runner_up(y).unsqueeze(-1)
        return (self.values.gather(-1, y.unsqueeze(-1)) - self.values.gather(-1, other)).squeeze(-1)

    def of_logits(self) -> "MeanPrediction":
        """Return the mean prediction of the same samples where f is a logit."""
        pooled = MeanPrediction("logits")
        pooled.num_samples, pooled.total = self.num_samples, self.total
        pooled._logits = self._logits
        return pooled
