"""`fgm`: the fast gradient (sign) method, one step along the loss gradient."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from pyrosnn.attacks.attack import Attack, AttackResult
from pyrosnn.attacks.gradient import LossGradient, loss_gradient
from pyrosnn.attacks.norms import NORMS, largest_entry, length
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import SampleSet


@dataclass(frozen=True, kw_only=True)
class FGM(Attack):
    r"""One step of full length: $\delta = \eta \, g / \|g\|_2$, or $\eta \operatorname{sign}(g)$.

    g is the loss gradient at x on the attack set. Each image is normalised by its own exact
    norm, so that the step is η long however small the gradient is. An image whose gradient is
    zero gets δ = 0 and a flag.

    References:
        I. Goodfellow, J. Shlens, C. Szegedy, ICLR 2015; the l2 form as in CleverHans, but
        without its floor on the squared norm (1e-12 on a batch-mean loss), which shortens the
        step of images with small gradients.

    Example:
        >>> FGM(norm="l2", strength=1.5).loss
        'cross-entropy'
    """

    @property
    def linear_in_strength(self) -> bool:
        """True unless clipping bends the step."""
        return self.clip is None

    def __call__(
        self, classifier: StochasticClassifier, x: Tensor, y: Tensor, samples: SampleSet
    ) -> AttackResult:
        """Compute δ for each image; see :class:`Attack`."""
        return self.sweep(classifier, x, y, samples, [self.strength])[0]

    def sweep(
        self,
        classifier: StochasticClassifier,
        x: Tensor,
        y: Tensor,
        samples: SampleSet,
        strengths: Sequence[float],
    ) -> list[AttackResult]:
        """Compute δ for several strengths from one gradient."""
        labels = self.attacked_labels(classifier, x, y, samples)
        gradient = loss_gradient(
            classifier,
            x,
            labels,
            samples,
            loss=self.loss,
            gradient=self.gradient,
            precision=self.precision,
        )
        step = self._step(gradient)
        unit = AttackResult(
            step=step,
            norm=NORMS[self.norm].measure(step),
            length=length(step),
            zero_gradient=largest_entry(gradient.direction) == 0,
            correct=gradient.correct & (labels == y),
            num_gradients=gradient.num_gradients,
            origin=samples.origin,
        )
        for strength in strengths:  # refused as an attack of that strength would be
            replace(self, strength=strength)
        whole = [unit.scaled(strength) for strength in strengths]
        return whole if self.clip is None else [self._clipped(x, result) for result in whole]

    def _step(self, gradient: LossGradient) -> Tensor:
        """Return δ at strength 1, before clipping."""
        return NORMS[self.norm].steepest(gradient.direction)

    def _clipped(self, x: Tensor, result: AttackResult) -> AttackResult:
        """Return the result with x + δ clipped."""
        assert self.clip is not None
        step = (x + result.perturbation).clamp(*self.clip) - x
        norm = NORMS[self.norm].measure(step)
        return replace(result, step=step, factor=1.0, norm=norm, length=length(step))
