"""Noise on the weights of layers, with one site per place."""

from collections.abc import Collection
from dataclasses import KW_ONLY, dataclass

from pyrosnn.networks.network import Edits, Kinds, Network, Weights
from pyrosnn.noise.noise import Noise
from pyrosnn.shapes import Sites


@dataclass(eq=False, repr=False)
class AtWeights(Noise):
    """The common base of noises on weights: one site per place, in the places' order.

    Attributes:
        places: places with weights; by default all of them.
        site: the sites are called by it and a number.
        place_of: the place of each site, once the noise is placed.
    """

    _: KW_ONLY
    places: Collection[str] | None = None
    site: str = "weight"

    def __post_init__(self) -> None:
        """Check the values of the fields."""
        super().__post_init__()
        self.place_of: dict[str, str] = {}

    def place(self, network: Network) -> None:
        """Name a site for each place."""
        places = network.weight_places(self.places)
        self.place_of = {f"{self.site}_{i}": place for i, place in enumerate(places)}

    @property
    def site_names(self) -> list[str]:
        """One site for each place."""
        return list(self.place_of)

    def kinds(self) -> Kinds:
        """Return the kind of edit: other weights at each place."""
        return {place: [Weights] for place in self.place_of.values()}

    def edits(self, network: Network, sites: Sites) -> Edits:
        """Return the drawn weights."""
        return {place: [Weights(sites[name].squeeze(1))] for name, place in self.place_of.items()}
