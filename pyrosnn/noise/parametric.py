"""`parametric-weights`: Gaussian noise on weights, with a learned share of their spread."""

from collections.abc import Callable, Iterable
from dataclasses import KW_ONLY, dataclass
from typing import Annotated

import torch
from annotated_types import Gt
from pyro.distributions import Normal
from torch import Tensor

from pyrosnn.errors import require
from pyrosnn.networks.network import Edits, Network, Weights
from pyrosnn.noise.at_weights import AtWeights
from pyrosnn.noise.noise import Laws
from pyrosnn.settings import OneOf
from pyrosnn.shapes import Sites

# Shape of a layer's factors a, given the shape (input, output) of its weights.
GRANULARITIES: dict[str, Callable[[int, int], tuple[int, ...]]] = {
    "layer": lambda inputs, outputs: (),
    "channel": lambda inputs, outputs: (outputs,),
    "element": lambda inputs, outputs: (inputs, outputs),
}


@dataclass(eq=False, repr=False)
class ParametricWeights(AtWeights):
    r"""Parametric noise injection on weights: $\tilde w = w + a\, s(w)\, \eta$.

    $\eta \sim \mathcal N(0, I)$, and $s(w)$ is the standard deviation of a layer's weights
    without its bias, which has no noise. The factor a is learned; $s(w)$ follows the weights, but
    no gradient goes through it. Noise has no prior, so that nothing but the loss decides on a: on
    clean images it falls towards 0, and attacked images keep it up. All images share a sample.

    Attributes:
        initial_scale: factor of the noise at the start of training, a.
        granularity: weights that share a factor.
        places: places with weights; by default all of them.
        site: the sites are called ``weight_noise_0``, ``weight_noise_1``, … in the order of the
            places.

    References:
        Z. He, A. S. Rakin, D. Fan, Parametric noise injection, CVPR 2019: PNI-W, as
        ``noise_Linear`` and ``noise_Conv2d`` in code/models/noise_layer.py of
        github.com/elliothe/CVPR_2019_PNI.
    """

    initial_scale: Annotated[float, Gt(0)] = 0.25
    granularity: Annotated[str, OneOf(GRANULARITIES)] = "layer"
    _: KW_ONLY
    site: str = "weight_noise"

    def __post_init__(self) -> None:
        """Check the values of the fields."""
        super().__post_init__()
        self.scales = torch.nn.ParameterList()

    def place(self, network: Network) -> None:
        """Create the factors."""
        super().place(network)
        for place in self.place_of.values():
            rows, columns = _shape(network, place)
            require(rows * columns > 1, f"'{place}' has one weight alone, which has no spread")
            shape = GRANULARITIES[self.granularity](rows, columns)
            self.scales.append(network.matrix(place).new_full(shape, self.initial_scale))

    def posterior(self, network: Network, like: Tensor) -> Laws:
        """Return standard normals of the weights' shapes; they have no learned parameters."""
        standard = Normal(like.new_zeros(()), like.new_ones(()))
        return {
            name: standard.expand(_shape(network, place)).to_event(2)
            for name, place in self.place_of.items()
        }

    def edits(self, network: Network, sites: Sites) -> Edits:
        """Return the noisy weights, beside the bias as it is."""
        edits = {}
        for (name, place), scale in zip(self.place_of.items(), self.scales, strict=True):
            rows, _ = _shape(network, place)
            matrix, eta = network.matrix(place), sites[name].squeeze(1)
            weights, bias = matrix[:rows], matrix[rows:]
            noisy = torch.addcmul(weights, scale * weights.detach().std(), eta)
            edits[place] = [Weights(torch.cat([noisy, bias.expand(len(eta), -1, -1)], 1))]
        return edits

    def without_decay(self) -> Iterable[torch.nn.Parameter]:
        """Return the factors: decay would take away noise that the loss asks for."""
        return self.scales


def _shape(network: Network, place: str) -> tuple[int, int]:
    """Return the shape of a place's weights without its bias, (input, output)."""
    at = network.place(place)
    assert at.matrix is not None  # a noise of weights is nowhere else
    rows, columns = at.matrix
    return rows - at.bias, columns
