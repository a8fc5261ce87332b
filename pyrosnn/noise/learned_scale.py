"""`learned-scale`: Gaussian noise with a learned scale for each feature (Learn2Perturb)."""

from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass
from typing import Annotated

import torch
from annotated_types import Ge, Gt
from pyro.distributions import Normal
from torch import Tensor

from pyrosnn.errors import require
from pyrosnn.networks.network import Edits, Network, shift
from pyrosnn.noise.at_places import AtPlaces
from pyrosnn.noise.noise import Laws
from pyrosnn.shapes import Sites


@dataclass(eq=False, repr=False)
class LearnedScale(AtPlaces):
    r"""Noise with a map of learned scales: $h + σ \circ ε$ with $ε \sim \mathcal N(0, I)$.

    σ has the shape of the features. After each step of the optimizer it is set to the floor where
    it fell below. A training without a reward of noise lets it fall to the floor everywhere.

    Attributes:
        initial_sigma: every σ before the training.
        sigma_floor: smallest σ.
        per_example: draw noise for each image; the original draws one for all images of a batch.
        places: names of places; by default the ends of residual blocks, or the network's own
            choice where it has none.
        site: the sites are called ``scaled_0``, ``scaled_1``, … in the order of the places.

    References:
        A. Jeddi et al., Learn2Perturb, CVPR 2020, as ``L2P_Basicblock_V1`` in models/resnet_v1.py
        of github.com/ArmenJeddi/Learn2Perturb.
    """

    initial_sigma: Annotated[float, Gt(0)] = 0.25
    sigma_floor: Annotated[float, Ge(0)] = 0.01
    per_example: bool = True
    _: KW_ONLY
    site: str = "scaled"

    def __post_init__(self) -> None:
        """Check the values of the fields."""
        super().__post_init__()
        require(
            self.initial_sigma >= self.sigma_floor,
            f"initial_sigma must be >= sigma_floor = {self.sigma_floor:g}, got "
            f"{self.initial_sigma:g}",
        )
        self.sigma = torch.nn.ParameterList()

    def place(self, network: Network) -> None:
        """Create the maps."""
        if self.places is None:
            self.places = network.sum_places or None
        super().place(network)
        like = next(network.parameters(), torch.empty(0)).detach()
        for place in self.place_of.values():
            self.sigma.append(like.new_full(network.place(place).shape, self.initial_sigma))

    def posterior(self, network: Network, like: Tensor) -> Laws:
        """Return standard normal distributions."""
        standard = Normal(like.new_zeros(()), like.new_ones(()))
        shapes = {name: network.place(place).shape for name, place in self.place_of.items()}
        return {name: standard.expand(shape).to_event(len(shape)) for name, shape in shapes.items()}

    def edits(self, network: Network, sites: Sites) -> Edits:
        """Return the sum of features and noise."""
        maps = zip(self.place_of.items(), self.sigma, strict=True)
        return {place: [shift(sigma * sites[name])] for (name, place), sigma in maps}

    def without_decay(self) -> Iterable[torch.nn.Parameter]:
        """Return the maps, as in the original."""
        return self.sigma

    def after_step(self) -> None:
        """Set every σ to the floor where it is below."""
        with torch.no_grad():
            for sigma in self.sigma:
                sigma.clamp_(min=self.sigma_floor)
