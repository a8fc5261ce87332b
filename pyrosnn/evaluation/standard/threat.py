"""A threat: the norm and the strength that an attacker has."""

from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Gt

from pyrosnn.attacks.norms import NORMS
from pyrosnn.results.threats import shown_strength
from pyrosnn.settings import OneOf, Settings


@dataclass(frozen=True, kw_only=True)
class Threat(Settings):
    """What an attacker may do to an image.

    Attributes:
        norm: norm that bounds δ.
        strength: its bound η, in pixel units.

    Example:
        >>> Threat(norm="linf", strength=8 / 255).label, Threat(norm="l2", strength=0.5).label
        ('linf 8/255', 'l2 0.5')
    """

    norm: Annotated[str, OneOf(NORMS)]
    strength: Annotated[float, Gt(0)]

    @property
    def label(self) -> str:
        """The threat as a coordinate of results."""
        return f"{self.norm} {shown_strength(self.norm, self.strength)}"

    def bound(self, clip: tuple[float, float] | None) -> dict[str, Any]:
        """Return the settings that every attack of the threat has, with x + δ clipped or not."""
        return {"norm": self.norm, "strength": self.strength, "clip": clip}
