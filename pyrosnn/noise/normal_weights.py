"""`normal-weights`: a mean-field normal posterior on the weights of layers."""

import math
from collections.abc import Collection, Iterable
from dataclasses import KW_ONLY, dataclass
from typing import Annotated

import torch
from annotated_types import Gt
from pyro.distributions import Normal
from torch import Tensor

from pyrosnn.networks.network import Edits, Kinds, Network, Weights
from pyrosnn.noise.noise import Laws, Noise
from pyrosnn.shapes import Sites


@dataclass(eq=False, repr=False)
class NormalWeights(Noise):
    r"""Independent weights $w \sim \mathcal N(m, s^2)$, with the network's weights as means m.

    Prior: $w \sim \mathcal N(0, s_0^2)$. The logarithm of each weight's s is learned; biases are
    weights, too. The divergence of a weight is $\log(s_0/s) + (s^2 + m^2) / (2 s_0^2) - 1/2$.

    Attributes:
        prior_scale: standard deviation of the prior, s₀.
        initial_scale: standard deviation of the weights at the start of training, s.
        places: places with weights; by default all of them.
        site: the sites are called ``weight_0``, ``weight_1``, … in the order of the places.

    References:
        C. Blundell et al., Weight uncertainty in neural networks, ICML 2015. X. Liu, Y. Li, C. Wu,
        C.-J. Hsieh, Adv-BNN, ICLR 2019; it has such a law on the gains of batch norm, too.
    """

    prior_scale: Annotated[float, Gt(0)] = 0.1
    initial_scale: Annotated[float, Gt(0)] = 0.02
    _: KW_ONLY
    places: Collection[str] | None = None
    site: str = "weight"

    def __post_init__(self) -> None:
        """Check the values of the fields."""
        super().__post_init__()
        self.log_scales = torch.nn.ParameterList()
        self.place_of: dict[str, str] = {}

    def place(self, network: Network) -> None:
        """Create the scales."""
        for number, place in enumerate(network.weight_places(self.places)):
            matrix = network.matrix(place)
            self.log_scales.append(torch.full_like(matrix, math.log(self.initial_scale)).detach())
            self.place_of[f"{self.site}_{number}"] = place

    @property
    def site_names(self) -> list[str]:
        """One site for each place."""
        return list(self.place_of)

    def kinds(self) -> Kinds:
        """Return the kind of edit: other weights at each place."""
        return {place: [Weights] for place in self.place_of.values()}

    def posterior(self, network: Network, like: Tensor) -> Laws:
        """Return the normal posteriors."""
        return {
            name: Normal(network.matrix(place), log_scale.exp()).to_event(2)
            for (name, place), log_scale in zip(self.place_of.items(), self.log_scales, strict=True)
        }

    def prior(self, network: Network, like: Tensor) -> Laws:
        """Return normals about 0."""
        law = Normal(like.new_zeros(()), like.new_tensor(self.prior_scale))
        return {
            name: law.expand(network.matrix(place).shape).to_event(2)
            for name, place in self.place_of.items()
        }

    def edits(self, network: Network, sites: Sites) -> Edits:
        """Return the drawn weights."""
        return {place: [Weights(sites[name].squeeze(1))] for name, place in self.place_of.items()}

    def without_decay(self) -> Iterable[torch.nn.Parameter]:
        """Return the logarithms of scales: decay would draw scales to 1."""
        return self.log_scales
