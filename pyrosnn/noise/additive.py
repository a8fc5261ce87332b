"""`additive`: noise of a chosen law, after the first layer or on the image."""

import math
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, Any

from annotated_types import Gt
from pyro.distributions import Exponential, Laplace, Normal
from torch import Tensor

from pyrosnn.networks.network import INPUT, Edits, Network, shift
from pyrosnn.noise.at_places import AtPlaces
from pyrosnn.noise.noise import Laws
from pyrosnn.noise.symmetric_weibull import SymmetricWeibull
from pyrosnn.settings import OneOf
from pyrosnn.shapes import Sites

# Laws of standard deviation 1 by name: a function of the mean 0 and the scale 1.
LAWS: dict[str, Callable[[Tensor, Tensor], Any]] = {
    "gaussian": Normal,
    "laplace": lambda zero, one: Laplace(zero, one / math.sqrt(2)),
    "exponential": lambda zero, one: Exponential(one),
    "weibull": lambda zero, one: SymmetricWeibull(zero),
}
SPOTS: dict[str, Callable[[Network], str]] = {
    "image": lambda network: INPUT,
    "first-layer": lambda network: network.weighted_places()[0],
}


@dataclass(eq=False, repr=False)
class AdditiveNoise(AtPlaces):
    r"""Noise of a law of the exponential family: $h + σ ε$, with ε of standard deviation 1.

    With Gaussian noise on the image, a function with values in [0, 1] changes in the mean by at
    most $2 Φ(\|δ\|_2 / 2σ) - 1$ (total variation); with Laplace's, whose scale is
    $b = σ/\sqrt2$, by at most $\tanh(\|δ\|_1 / 2b)$. The exponential law has only values above 0,
    and so a mean of σ: shifts out of them can be told with certainty, and there is no guarantee.
    The ``weibull`` law is symmetric, with lighter tails. These bounds follow from the laws;
    the theorem of the paper, on Rényi divergences, is not computed.

    Attributes:
        law: law of the noise.
        noise_scale: standard deviation σ of the noise.
        spot: where the noise is added, to what the first layer returns or to the image.
        per_example: draw noise for each image, instead of once for all.
        places: names of places, in the place of the spot.
        site: the sites are called ``additive_0``, ``additive_1``, … in the order of the places.

    References:
        R. Pinot et al., Theoretical evidence for adversarial robustness through randomization,
        NeurIPS 2019: the laws of ``_get_noise`` in code/models/wide_resnet.py of
        github.com/MILES-PSL/Adversarial-Robustness-Through-Randomization.
    """

    law: Annotated[str, OneOf(LAWS)] = "gaussian"
    noise_scale: Annotated[float, Gt(0)] = 0.25
    spot: Annotated[str, OneOf(SPOTS)] = "first-layer"
    per_example: bool = True
    _: KW_ONLY
    site: str = "additive"

    def place(self, network: Network) -> None:
        """Name a site for each place."""
        if self.places is None:
            self.places = [SPOTS[self.spot](network)]
        super().place(network)

    @property
    def is_gaussian_on_image(self) -> bool:
        """Whether it is Gaussian noise on the image, which has a smoothness constant."""
        return self.law == "gaussian" and INPUT in self.place_of.values()

    def posterior(self, network: Network, like: Tensor) -> Laws:
        """Return the laws of the noise, of standard deviation 1."""
        law = LAWS[self.law](like.new_zeros(()), like.new_ones(()))
        shapes = {name: network.place(place).shape for name, place in self.place_of.items()}
        return {name: law.expand(shape).to_event(len(shape)) for name, shape in shapes.items()}

    def edits(self, network: Network, sites: Sites) -> Edits:
        """Return the sum of features and noise."""
        noise = {place: self.noise_scale * sites[name] for name, place in self.place_of.items()}
        return {place: [shift(by)] for place, by in noise.items()}
