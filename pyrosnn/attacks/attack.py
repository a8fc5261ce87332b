"""What every attack is, and what it returns."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

from jaxtyping import Bool, Float
from torch import Tensor

from pyrosnn.attacks.labels import LABELS
from pyrosnn.attacks.losses import GRADIENTS, LOSSES
from pyrosnn.attacks.norms import NORMS
from pyrosnn.errors import require, unknown_name
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.precision import PRECISIONS
from pyrosnn.sampling import Origin, SampleSet


@dataclass(frozen=True, kw_only=True)
class AttackResult:
    """Perturbations of a block of images, and what they were made from.

    Attributes:
        step: δ divided by ``factor``, shape (example, *image); strengths may share it.
        factor: what the step is multiplied by.
        norm: the true norm of δ, in the attack's norm, shape (example,).
        length: ‖δ‖₂ of each image, whatever the attack's norm: what the conditions speak of.
        zero_gradient: images whose gradient was zero in every step, so that none was made.
        correct: images that the attacker's own samples classify correctly before the attack.
        num_gradients: gradients of a single sample computed for each image.
        origin: where the attacker's samples came from.
    """

    step: Float[Tensor, "example *image"]
    factor: float = 1.0
    norm: Float[Tensor, " example"]
    length: Float[Tensor, " example"]
    zero_gradient: Bool[Tensor, " example"]
    correct: Bool[Tensor, " example"]
    num_gradients: int
    origin: Origin

    @property
    def perturbation(self) -> Float[Tensor, "example *image"]:
        """δ, shape (example, *image)."""
        return self.factor * self.step

    def scaled(self, factor: float) -> "AttackResult":
        """Return the same attack with every δ multiplied by a factor >= 0; no image is copied."""
        return replace(
            self,
            factor=factor * self.factor,
            norm=factor * self.norm,
            length=factor * self.length,
        )


@dataclass(frozen=True, kw_only=True)
class Attack(ABC):
    """Settings of an attack; calling it computes perturbations from an attack set alone.

    Attributes:
        norm: ``l2`` or ``linf``: the norm that the strength bounds.
        strength: η, the largest norm of δ, in pixel units.
        loss: what is maximised: ``cross-entropy``, ``margin`` or ``cw``.
        gradient: what is averaged over samples: ``mean_prediction`` (the paper's equation 2),
            ``mean_loss`` or ``mean_logits``.
        labels: whose loss is maximised: the ``true`` labels, or those ``predicted`` on the
            attack set at x, as CleverHans does when it is given none. They differ for images
            that the attacker's samples misclassify; those are then moved away from the wrong
            class, and some of them become correct.
        precision: of the attacker's networks: that of the classifier (``full``), or ``bf16``, which
            takes half the memory, and half the time on processors that multiply in it.
        clip: smallest and largest pixel of x + δ, or None for no clipping (the paper's).
    """

    norm: str = "l2"
    strength: float = 1.5
    loss: str = "cross-entropy"
    gradient: str = "mean_prediction"
    labels: str = "true"
    precision: str = "full"
    clip: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            ArgumentError: ``strength must be >= 0, got -0.1``.
            UnknownNameError: for an unknown norm, loss, gradient, labels or precision.
        """
        require(
            0 <= self.strength < math.inf, f"strength must be >= 0 and finite, got {self.strength}"
        )
        for kind, name, table in (
            ("norm", self.norm, NORMS),
            ("loss", self.loss, LOSSES),
            ("gradient", self.gradient, GRADIENTS),
            ("labels", self.labels, LABELS),
            ("precision", self.precision, PRECISIONS),
        ):
            if name not in table:
                raise unknown_name(kind, name, table)
        if self.clip is not None:
            low, high = self.clip
            require(low < high, f"clip must be (low, high) with low < high, got {self.clip}")

    @property
    def linear_in_strength(self) -> bool:
        """Whether δ is the strength times a direction that does not depend on it."""
        return False

    def attacked_labels(
        self, classifier: StochasticClassifier, x: Tensor, y: Tensor, samples: SampleSet
    ) -> Tensor:
        """Return the labels whose loss is maximised, shape (example,)."""
        return LABELS[self.labels](classifier, x, y, samples)

    @abstractmethod
    def __call__(
        self, classifier: StochasticClassifier, x: Tensor, y: Tensor, samples: SampleSet
    ) -> AttackResult:
        """Compute δ for each image from the attack set.

        Args:
            classifier: the classifier attacked.
            x: images, shape (example, *image).
            y: labels, shape (example,).
            samples: the attack set A; the attack sees no other.
        """

    def sweep(
        self,
        classifier: StochasticClassifier,
        x: Tensor,
        y: Tensor,
        samples: SampleSet,
        strengths: Sequence[float],
    ) -> list[AttackResult]:
        """Compute δ for several strengths; an attack may share work among them."""
        return [replace(self, strength=s)(classifier, x, y, samples) for s in strengths]
