"""`normal-weights`: a mean-field normal posterior on the weights of layers."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Gt
from pyro.distributions import Normal
from torch import Tensor

from pyrosnn.networks.network import Network
from pyrosnn.noise.at_weights import AtWeights
from pyrosnn.noise.noise import Laws


@dataclass(eq=False, repr=False)
class NormalWeights(AtWeights):
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
        C.-J. Hsieh, Adv-BNN, ICLR 2019, as ``RandLinear`` in models/layers/linear.py of
        github.com/xuanqing94/BayesianDefense; it has such a law on the gains of batch norm, too.
    """

    prior_scale: Annotated[float, Gt(0)] = 0.1
    initial_scale: Annotated[float, Gt(0)] = 0.02

    def __post_init__(self) -> None:
        """Check the values of the fields."""
        super().__post_init__()
        self.log_scales = torch.nn.ParameterList()

    def place(self, network: Network) -> None:
        """Create the scales."""
        super().place(network)
        for matrix in map(network.matrix, self.place_of.values()):
            self.log_scales.append(torch.full_like(matrix, math.log(self.initial_scale)).detach())

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

    def without_decay(self) -> Iterable[torch.nn.Parameter]:
        """Return the logarithms of scales: decay would draw scales to 1."""
        return self.log_scales
