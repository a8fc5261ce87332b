"""`input`: Gaussian noise on the image."""

import math
from dataclasses import KW_ONLY, dataclass
from typing import Annotated

from annotated_types import Gt
from pyro.distributions import Normal
from torch import Tensor

from pyrosnn.networks.network import INPUT, Edits, Network, shift
from pyrosnn.noise.at_input import AtInput
from pyrosnn.noise.noise import Laws
from pyrosnn.shapes import Sites


@dataclass(eq=False, repr=False)
class InputNoise(AtInput):
    r"""Gaussian noise on the image: $x + ε$ with $ε \sim \mathcal N(0, σ^2 I)$.

    Attributes:
        noise_variance: variance of the noise, σ², in squared pixel units; the paper has 0.05 and
            0.1.
        per_example: draw noise for each image, as is usual, instead of once for all.
        site: name of the sample site.

    References:
        M. Lécuyer et al., Certified robustness to adversarial examples with differential
        privacy, IEEE S&P 2019. Settings: Däubener & Fischer 2022, section 5 and supplement B.
    """

    noise_variance: Annotated[float, Gt(0)] = 0.1
    per_example: bool = True
    _: KW_ONLY
    site: str = "noise"

    def place(self, network: Network) -> None:
        """Do nothing: every network has an input."""

    def posterior(self, network: Network, like: Tensor) -> Laws:
        """Return the distribution of the noise, which has no learned parameters."""
        scale = like.new_tensor(math.sqrt(self.noise_variance))
        shape = self.image_shape or network.image_shape
        return {self.site: Normal(like.new_zeros(()), scale).expand(shape).to_event(len(shape))}

    def edits(self, network: Network, sites: Sites) -> Edits:
        """Return the sum of image and noise."""
        return {INPUT: [shift(sites[self.site])]}
