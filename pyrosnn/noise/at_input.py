"""Noise that changes the image, with one site."""

from dataclasses import KW_ONLY, dataclass

from pyrosnn.networks.network import INPUT, Features, Kinds
from pyrosnn.noise.noise import Noise


@dataclass(eq=False, repr=False)
class AtInput(Noise):
    """The common base of noises that change the image.

    Attributes:
        site: name of the sample site.
    """

    _: KW_ONLY
    site: str = "noise"

    @property
    def site_names(self) -> list[str]:
        """The name of the only site."""
        return [self.site]

    def kinds(self) -> Kinds:
        """Return a change of the image."""
        return {INPUT: [Features]}
