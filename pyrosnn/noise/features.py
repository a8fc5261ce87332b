"""`features`: Gaussian noise on the features that places return."""

import math
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Gt
from pyro.distributions import Normal
from torch import Tensor

from pyrosnn.networks.network import Edits, Network, shift
from pyrosnn.noise.at_places import AtPlaces
from pyrosnn.noise.noise import Laws
from pyrosnn.shapes import Sites


@dataclass(eq=False, repr=False)
class FeatureNoise(AtPlaces):
    r"""Gaussian noise on features: $h + ε$ with $ε \sim \mathcal N(0, σ^2 I)$.

    Attributes:
        feature_variance: variance of the noise, σ².
        per_example: draw noise for each image, instead of once for all.
        places: names of places; by default the network's own choice.
        site: the sites are called ``features_0``, ``features_1``, … in the order of the places.

    References:
        X. Liu et al., Towards robust neural networks via random self-ensemble, ECCV 2018.
    """

    feature_variance: Annotated[float, Gt(0)] = 0.01
    per_example: bool = True

    def posterior(self, network: Network, like: Tensor) -> Laws:
        """Return the distribution of the noise, which has no learned parameters."""
        scale = like.new_tensor(math.sqrt(self.feature_variance))
        shapes = {name: network.place(place).shape for name, place in self.place_of.items()}
        return {
            name: Normal(like.new_zeros(()), scale).expand(shape).to_event(len(shape))
            for name, shape in shapes.items()
        }

    def edits(self, network: Network, sites: Sites) -> Edits:
        """Return the sum of features and noise."""
        return {place: [shift(sites[name])] for name, place in self.place_of.items()}
