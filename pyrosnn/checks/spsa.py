"""An attack without gradients: SPSA with common random numbers."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pyrosnn.attacks import Attack, AttackResult
from pyrosnn.attacks.norms import NORMS, length, per_image
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.outputs import MeanPrediction
from pyrosnn.sampling import SampleSet, predict, replay_logits
from pyrosnn.seeding import forked_rng, seed_sequence


@dataclass(frozen=True, kw_only=True)
class SPSA(Attack):
    r"""One step along a gradient that is estimated from losses alone.

    $\hat g = \frac1K \sum_k \frac{L(x + r u_k) - L(x - r u_k)}{2 r} u_k$ with random signs $u_k$.
    Both losses of a difference are those of the same samples A (common random numbers), so that
    sampling noise cancels. L is the attack's own loss and gradient definition.

    Attributes:
        directions: K.
        radius: r, in pixel units.

    References:
        J. Spall, IEEE Trans. Automatic Control 37, 1992; J. Uesato et al., ICML 2018.
    """

    directions: int = 64
    radius: float = 0.01

    def __call__(
        self, classifier: StochasticClassifier, x: Tensor, y: Tensor, samples: SampleSet
    ) -> AttackResult:
        """Compute δ for each image; see :class:`pyrosnn.Attack`."""
        labels = self.attacked_labels(classifier, x, y, samples)
        signs = self._signs(x, samples)
        estimate = torch.zeros_like(x)
        for u in signs:
            rise = self._loss(classifier, x + self.radius * u, labels, samples) - self._loss(
                classifier, x - self.radius * u, labels, samples
            )
            estimate += per_image(rise, x).to(x.dtype) * u
        norm = NORMS[self.norm]
        step = self.strength * norm.steepest(estimate)
        if self.clip is not None:
            step = (x + step).clamp(*self.clip) - x
        return AttackResult(
            step=step,
            norm=norm.measure(step),
            length=length(step),
            zero_gradient=length(estimate) == 0,
            correct=predict(classifier, x, samples).predicted == y,
            num_gradients=0,
            origin=samples.origin,
        )

    def _signs(self, x: Tensor, samples: SampleSet) -> Tensor:
        """Draw u_k, shape (direction, example, *image)."""
        o = samples.origin
        with forked_rng(seed_sequence(o.seed, "spsa", o.repeat, o.block), x.device):
            bits = torch.randint(0, 2, (self.directions, *x.shape), device=x.device)
        return (2 * bits - 1).to(x.dtype)

    def _loss(
        self, classifier: StochasticClassifier, x: Tensor, y: Tensor, samples: SampleSet
    ) -> Tensor:
        """Return the loss of each image, float64, shape (example,)."""
        logits = replay_logits(classifier, x, samples)
        if self.gradient == "mean_loss":
            number = len(logits)
            mean = MeanPrediction(classifier.output).add(logits.reshape(1, -1, logits.shape[-1]))
            return self._of_mean(mean, y.repeat(number)).reshape(number, -1).mean(0)
        mean = MeanPrediction(classifier.output).add(logits)
        return self._of_mean(mean.of_logits() if self.gradient == "mean_logits" else mean, y)

    def _of_mean(self, mean: MeanPrediction, y: Tensor) -> Tensor:
        if self.loss == "cross-entropy":
            scores = mean.values if mean.output == "logits" else mean.scores
            return -scores.log_softmax(-1).gather(-1, y.unsqueeze(-1)).squeeze(-1)
        margin = mean.margin(y)
        return -margin if self.loss == "margin" else -margin.clamp(min=0.0)
