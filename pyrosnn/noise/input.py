"""`input`: Gaussian noise on the image."""

import math

from pyro.distributions import Normal
from torch import Tensor

from pyrosnn.errors import require
from pyrosnn.networks.network import INPUT, Edits, Features, Kinds, Network, shift
from pyrosnn.noise.noise import Laws, Noise
from pyrosnn.shapes import Sites


class InputNoise(Noise):
    r"""$x + ε$ with $ε \sim \mathcal N(0, σ^2 I)$.

    Args:
        noise_variance: σ², in squared pixel units; the paper's SINs have 0.05 and 0.1.
        per_example: draw noise for each image (the field's practice) or share it among images.
        site: name of the sample site.

    References:
        M. Lécuyer et al., Certified robustness to adversarial examples with differential
        privacy, IEEE S&P 2019. Settings: Däubener & Fischer 2022, section 5 and supplement B.
    """

    def __init__(
        self, noise_variance: float = 0.1, per_example: bool = True, *, site: str = "noise"
    ):
        super().__init__()
        require(noise_variance > 0, f"noise_variance must be > 0, got {noise_variance}")
        self.noise_variance = noise_variance
        self.per_example = per_example
        self.site = site

    def place(self, network: Network) -> None:
        """Every network has an input."""

    @property
    def site_names(self) -> list[str]:
        """The one site."""
        return [self.site]

    def kinds(self) -> Kinds:
        """Return a change of the image."""
        return {INPUT: [Features]}

    def posterior(self, network: Network, like: Tensor) -> Laws:
        """Return the noise: nothing of it is learned."""
        scale = like.new_tensor(math.sqrt(self.noise_variance))
        shape = network.image_shape
        return {self.site: Normal(like.new_zeros(()), scale).expand(shape).to_event(len(shape))}

    def edits(self, network: Network, sites: Sites) -> Edits:
        """Return the sum of image and noise."""
        return {INPUT: [shift(sites[self.site])]}
