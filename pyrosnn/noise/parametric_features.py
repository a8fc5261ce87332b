"""`parametric-features`: Gaussian noise on features, with a learned share of their spread."""

from collections.abc import Callable, Iterable
from dataclasses import KW_ONLY, dataclass
from typing import Annotated

import torch
from annotated_types import Gt
from pyro.distributions import Normal
from torch import Tensor

from pyrosnn.errors import require
from pyrosnn.networks.network import Edits, Features, Network, apply
from pyrosnn.noise.at_places import AtPlaces
from pyrosnn.noise.noise import Laws
from pyrosnn.settings import OneOf
from pyrosnn.shapes import Sites

# Shape of a place's factors a, given the shape of an image's features, channels first.
GRANULARITIES: dict[str, Callable[[tuple[int, ...]], tuple[int, ...]]] = {
    "layer": lambda shape: (),
    "channel": lambda shape: (shape[0], *(1 for _ in shape[1:])),
    "element": lambda shape: shape,
}

# A variance below all others: where features are all alike, its root has a derivative still.
SMALLEST = 1e-12


@dataclass(eq=False, repr=False)
class ParametricFeatures(AtPlaces):
    r"""Parametric noise injection on features or the image: $h + a\, s(h)\, \varepsilon$.

    $\varepsilon \sim \mathcal N(0, I)$, and $s(h)$ is the standard deviation of the image's own
    features at the place. The original takes that of the whole batch, with which the prediction
    of an image depends on the others beside it. The derivatives of a network go through $s(h)$:
    an attack sees all of the function. The factor a is learned.

    Attributes:
        initial_scale: factor of the noise at the start of training, a.
        granularity: features that share a factor.
        per_example: draw noise for each image, instead of once for all.
        places: names of places, ``input`` for the image; by default the network's own choice.
        site: the sites are called ``feature_noise_0``, ``feature_noise_1``, … in the order of the
            places.

    References:
        Z. He, A. S. Rakin, D. Fan, Parametric noise injection, CVPR 2019: PNI-A and PNI-I.
    """

    initial_scale: Annotated[float, Gt(0)] = 0.25
    granularity: Annotated[str, OneOf(GRANULARITIES)] = "layer"
    per_example: bool = True
    _: KW_ONLY
    site: str = "feature_noise"

    def __post_init__(self) -> None:
        """Check the values of the fields."""
        super().__post_init__()
        self.scales = torch.nn.ParameterList()

    def place(self, network: Network) -> None:
        """Create the factors."""
        super().place(network)
        for place in self.place_of.values():
            shape = network.place(place).shape
            require(
                torch.Size(shape).numel() > 1, f"'{place}' has one feature alone, without a spread"
            )
            factors = torch.full(
                GRANULARITIES[self.granularity](shape), self.initial_scale, dtype=network.dtype
            )
            self.scales.append(factors)

    def posterior(self, network: Network, like: Tensor) -> Laws:
        """Return standard normals of the features' shapes; they have no learned parameters."""
        standard = Normal(like.new_zeros(()), like.new_ones(()))
        shapes = {name: network.place(place).shape for name, place in self.place_of.items()}
        return {name: standard.expand(s).to_event(len(s)) for name, s in shapes.items()}

    def edits(self, network: Network, sites: Sites) -> Edits:
        """Return the sum of features and scaled noise."""
        return {
            place: [_noisy(scale, sites[name])]
            for (name, place), scale in zip(self.place_of.items(), self.scales, strict=True)
        }

    def without_decay(self) -> Iterable[torch.nn.Parameter]:
        """Return the factors: decay would take away noise that the loss asks for."""
        return self.scales


def _noisy(scale: Tensor, noise: Tensor) -> Features:
    """Return the edit h + a s(h) ε, for ε of shape (sample, example or 1, *features)."""
    axes = tuple(range(2, noise.ndim))

    def function(h: Tensor) -> Tensor:
        spread = (h.var(axes, keepdim=True) + SMALLEST).sqrt()
        return h + scale * spread * noise

    return apply(function, len(noise))
