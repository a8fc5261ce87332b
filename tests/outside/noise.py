"""A noise: heavy-tailed, on features, with a scale for each place that is learned."""

from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Gt
from pyro.distributions import Laplace
from torch import Tensor

from pyrosnn.networks.network import Edits, Features, Kinds, Network, shift
from pyrosnn.noise.noise import Laws, Noise
from pyrosnn.shapes import Sites


@dataclass(eq=False, repr=False)
class LaplaceNoise(Noise):
    """h + s ε with ε from Laplace's distribution, drawn for each image.

    Attributes:
        initial_scale: scale at the start of training, s.
    """

    initial_scale: Annotated[float, Gt(0)] = 0.1

    per_example = True

    def place(self, network: Network) -> None:
        self.places = network.feature_places(None)
        scales = torch.full((len(self.places),), self.initial_scale)
        self.scales = torch.nn.Parameter(scales)

    @property
    def site_names(self) -> list[str]:
        return [f"laplace_{number}" for number in range(len(self.places))]

    def kinds(self) -> Kinds:
        return {place: [Features] for place in self.places}

    def posterior(self, network: Network, like: Tensor) -> Laws:
        standard = Laplace(like.new_zeros(()), like.new_ones(()))
        shapes = [network.place(place).shape for place in self.places]
        return {
            name: standard.expand(shape).to_event(len(shape))
            for name, shape in zip(self.site_names, shapes, strict=True)
        }

    def edits(self, network: Network, sites: Sites) -> Edits:
        drawn = [sites[name] for name in self.site_names]
        return {
            place: [shift(scale * epsilon)]
            for place, scale, epsilon in zip(self.places, self.scales, drawn, strict=True)
        }
