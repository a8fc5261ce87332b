"""FGM with CleverHans' floor on the gradient's norm: a reading of the paper's attack."""

from dataclasses import dataclass

from torch import Tensor

from pyrosnn.attacks import FGM, Gradient
from pyrosnn.attacks.norms import length, per_image
from pyrosnn.errors import require


@dataclass(frozen=True, kw_only=True)
class FlooredFGM(FGM):
    r"""FGM as CleverHans computes it: $\delta = \eta \, g / \max(\|g\|_2, \text{floor})$.

    CleverHans floors the squared norm at 1e-12, of the gradient of a loss that is a mean over a
    batch of B images: of an image's own gradient that is a floor of B · 1e-6.

    Attributes:
        floor: smallest norm that is divided by; images with a shorter gradient move less.
    """

    floor: float = 1e-4

    def __post_init__(self) -> None:
        """Check the settings."""
        super().__post_init__()
        require(self.floor > 0, f"floor must be > 0, got {self.floor}")

    def step(self, gradient: Gradient) -> Tensor:
        """Return δ at strength 1, shorter where the gradient is shorter than the floor."""
        norms = gradient.scale * length(gradient.direction.double())
        full = super().step(gradient)
        share = (norms / self.floor).clamp(max=1.0).to(full.dtype)
        return full * per_image(share, full)
