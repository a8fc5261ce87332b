"""What an attack returns."""

from dataclasses import dataclass, replace

from jaxtyping import Bool, Float
from torch import Tensor

from pyrosnn.sampling import Origin


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
        num_gradients: gradients of a single sample computed for each image; the mean over images,
            rounded up, where the attack finished with some before others.
        num_queries: values of the loss of a single sample, without a gradient, likewise.
        origin: where the attacker's samples came from.
    """

    step: Float[Tensor, "example *image"]
    factor: float = 1.0
    norm: Float[Tensor, " example"]
    length: Float[Tensor, " example"]
    zero_gradient: Bool[Tensor, " example"]
    correct: Bool[Tensor, " example"]
    num_gradients: int
    num_queries: int = 0
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
