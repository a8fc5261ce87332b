"""`last-layer`: Laplace's approximation on the weights of the last layer."""

from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, Any

import torch
from annotated_types import Gt
from pyro.distributions import Delta, Normal
from torch import Tensor

from pyrosnn.networks.network import Edits, Kinds, Network, Weights
from pyrosnn.noise.head import head_of
from pyrosnn.noise.noise import Laws, Noise
from pyrosnn.shapes import Sites


@dataclass(eq=False, repr=False)
class LastLayer(Noise):
    r"""A Gaussian posterior with a diagonal covariance on the weights of the last layer.

    The network is trained to its maximum a posteriori; then the weights of the last layer, bias
    included, get the precision $\sum_n \varphi_{nk}^2\, p_{nc} (1 - p_{nc}) + \tau$: the diagonal
    of the generalised Gauss–Newton matrix of the training images, and the prior's τ. All samples
    share the network below, so that a hundred of them cost little more than one.

    Attributes:
        prior_precision: precision of the weights' prior, τ.
        site: name of the sample site.

    References:
        E. Daxberger et al., Laplace redux, NeurIPS 2021. The diagonal last layer is that of
        Däubener & Fischer 2022, supplement C.5.
    """

    prior_precision: Annotated[float, Gt(0)] = 1.0
    _: KW_ONLY
    site: str = "last_layer"

    def __post_init__(self) -> None:
        """Check the value of the precision."""
        super().__post_init__()
        self.last = ""
        self.scale: Tensor

    def place(self, network: Network) -> None:
        """Create the scales, which are 0 until the network is trained."""
        self.last = head_of(network, "a last-layer posterior")
        self.register_buffer("scale", torch.zeros_like(network.matrix(self.last)).detach())

    @property
    def site_names(self) -> list[str]:
        """The name of the only site."""
        return [self.site]

    def kinds(self) -> Kinds:
        """Return the kind of edit: other weights of the last layer."""
        return {self.last: [Weights]}

    def prior(self, network: Network, like: Tensor) -> Laws:
        """Return the normal prior of precision τ."""
        spread = like.new_tensor(self.prior_precision**-0.5)
        return {self.site: Normal(like.new_zeros(self.scale.shape), spread).to_event(2)}

    def posterior(self, network: Network, like: Tensor) -> Laws:
        """Return the posterior; while the network is trained, only its mean."""
        mean = network.matrix(self.last)
        fitted = bool((self.scale > 0).all())
        law: Any = Normal(mean, self.scale) if fitted else Delta(mean)
        return {self.site: law.to_event(2)}

    def edits(self, network: Network, sites: Sites) -> Edits:
        """Return the drawn weights."""
        return {self.last: [Weights(sites[self.site].squeeze(1))]}

    def before_training(self) -> None:
        """Reset the posterior to its mean."""
        self.scale.zero_()

    def after_training(self, network: Network, batches: Iterable[Tensor]) -> None:
        """Set the posterior's scales from all training images."""
        with torch.no_grad():
            mean = network.matrix(self.last)
            curvature = torch.zeros_like(mean, dtype=torch.float64)
            for x in batches:
                h = network.inputs_of(self.last, x)
                squares = h.double().square()
                if len(mean) > h.shape[1]:  # the last row is the bias
                    squares = torch.cat([squares, torch.ones_like(squares[:, :1])], dim=1)
                logits = network.logits(x, {})[0]
                p = logits.double().softmax(-1)
                curvature += squares.T @ (p * (1 - p))
            self.scale.copy_((curvature + self.prior_precision).rsqrt())
