"""A threat: the norm and the strength that an attacker has."""

from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Gt

from pyrosnn.attacks.norms import NORMS
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
        """The threat in words; multiples of 1 / 255 in linf are written so."""
        levels = 255 * self.strength
        if self.norm == "linf" and abs(levels - round(levels)) < 1e-6:
            return f"linf {round(levels)}/255"
        return f"{self.norm} {self.strength:g}"

    def bound(self, clip: tuple[float, float] | None) -> dict[str, Any]:
        """Return the settings that every attack of the threat has, with x + δ clipped or not."""
        return {"norm": self.norm, "strength": self.strength, "clip": clip}
