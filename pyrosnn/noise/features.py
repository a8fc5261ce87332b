"""`features`: Gaussian noise on the features that places return."""

import math
from collections.abc import Collection

from pyro.distributions import Normal
from torch import Tensor

from pyrosnn.errors import require
from pyrosnn.networks.network import Edits, Network, shift
from pyrosnn.noise.at_places import AtPlaces
from pyrosnn.noise.noise import Laws
from pyrosnn.shapes import Sites


class FeatureNoise(AtPlaces):
    r"""$h + ε$ with $ε \sim \mathcal N(0, σ^2 I)$, at each of some places.

    Args:
        feature_variance: σ².
        per_example: draw noise for each image or share it among images.
        places: names of places; by default the network's own choice.
        site: the sites are called ``features_0``, ``features_1``, … in the order of the places.

    References:
        X. Liu et al., Towards robust neural networks via random self-ensemble, ECCV 2018.
    """

    def __init__(
        self,
        feature_variance: float = 0.01,
        per_example: bool = True,
        *,
        places: Collection[str] | None = None,
        site: str = "features",
    ):
        super().__init__(places, site)
        require(feature_variance > 0, f"feature_variance must be > 0, got {feature_variance}")
        self.feature_variance = feature_variance
        self.per_example = per_example

    def posterior(self, network: Network, like: Tensor) -> Laws:
        """Return the noise: nothing of it is learned."""
        scale = like.new_tensor(math.sqrt(self.feature_variance))
        shapes = {name: network.place(place).shape for name, place in self.place_of.items()}
        return {
            name: Normal(like.new_zeros(()), scale).expand(shape).to_event(len(shape))
            for name, shape in shapes.items()
        }

    def edits(self, network: Network, sites: Sites) -> Edits:
        """Return the sum of features and noise."""
        return {place: [shift(sites[name])] for name, place in self.place_of.items()}
