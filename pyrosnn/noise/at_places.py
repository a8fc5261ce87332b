"""Noise on the features that places return, with one site per place."""

from collections.abc import Collection
from dataclasses import KW_ONLY, dataclass

from pyrosnn.errors import require
from pyrosnn.networks.network import Features, Kinds, Network
from pyrosnn.noise.noise import Noise


@dataclass(eq=False, repr=False)
class AtPlaces(Noise):
    """The common base of noises on features: one site per place, in the places' order.

    Attributes:
        places: names of places; by default the network's own choice.
        site: the sites are called by it and a number.
        place_of: the place of each site, once the noise is placed.
    """

    _: KW_ONLY
    places: Collection[str] | None = None
    site: str = "features"

    def __post_init__(self) -> None:
        """Check the values of the fields."""
        super().__post_init__()
        self.place_of: dict[str, str] = {}

    def place(self, network: Network) -> None:
        """Name a site for each place."""
        places = network.feature_places(self.places)
        for place in places:
            require(
                len(network.place(place).shape) >= 1,
                f"'{place}' has one number for each image, no features",
            )
        self.place_of = {f"{self.site}_{i}": place for i, place in enumerate(places)}

    @property
    def site_names(self) -> list[str]:
        """One site for each place."""
        return list(self.place_of)

    def kinds(self) -> Kinds:
        """Return a change of the features at each place."""
        return {place: [Features] for place in self.place_of.values()}
