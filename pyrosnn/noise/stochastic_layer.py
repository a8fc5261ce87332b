"""`stochastic-layer`: a layer below the head with a mean and a scale for each image."""

import math
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from pyrosnn.networks.dense import initial_matrix
from pyrosnn.networks.network import Edits, Features, Network
from pyrosnn.noise.below_head import BelowHead
from pyrosnn.noise.random_layer import SCALES, RandomLayer
from pyrosnn.settings import OneOf
from pyrosnn.shapes import Sites


@dataclass(eq=False, repr=False)
class StochasticLayer(BelowHead):
    r"""A layer $z = μ(h) + s(h) \circ ε$ between the features h and the head, as wide as h.

    μ is a linear map of h; the scale s is a function of another one. The law of ε does not depend
    on the image; its effect does. With ``rectified`` the head takes max(0, z). The mean of the
    logits is exact either way, as $\mathbb E \max(0, z) = μ Φ(μ/s) + s φ(μ/s)$.

    Attributes:
        scale: function that makes a standard deviation of a linear map. SE-SNN has ``softplus``;
            FLSS has ``exp``, of half a log-variance.
        rectified: give max(0, z) to the head, as SE-SNN does, not z.

    References:
        T. Yu et al., Simple and effective stochastic neural networks, AAAI 2021, without code.
        S. Addepalli et al., Boosting adversarial robustness using feature level stochastic
        smoothing, CVPR workshops 2021, as CIFAR10/Train/arch/RN_FC.py of
        github.com/val-iisc/FLSS.

    Example:
        >>> from pyrosnn.models import build_model
        >>> se_snn = build_model("se-snn", image_shape=(1, 8, 8), num_classes=10)
        >>> se_snn.noise[0].mean_logits(se_snn.network, torch.rand(5, 1, 8, 8)).shape
        torch.Size([5, 10])
    """

    scale: Annotated[str, OneOf(SCALES)] = "softplus"
    rectified: bool = True

    def __post_init__(self) -> None:
        """Check the values of the fields."""
        super().__post_init__()
        self.mean: torch.nn.Parameter
        self.spread: torch.nn.Parameter

    def place(self, network: Network) -> None:
        """Draw both linear maps."""
        super().place(network)
        like = network.matrix(self.head).detach()
        self.mean = torch.nn.Parameter(initial_matrix(self.width, self.width).to(like))
        self.spread = torch.nn.Parameter(initial_matrix(self.width, self.width).to(like))

    def edits(self, network: Network, sites: Sites) -> Edits:
        """Return the layer with its noise."""
        assert self.below is not None
        layer = RandomLayer(
            self.mean, self.spread, SCALES[self.scale], self.rectified, sites[self.site]
        )
        return {self.below: [Features(layer)]}

    def moments(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return μ and s, both of shape (example, feature).

        Args:
            h: features below, shape (example, feature).
        """
        mean, spread = (h @ matrix[:-1] + matrix[-1] for matrix in (self.mean, self.spread))
        return mean, SCALES[self.scale].value(spread)

    def mean_features(self, h: Tensor) -> Tensor:
        """Return the mean of z, or of max(0, z)."""
        mean, scale = self.moments(h)
        if not self.rectified:
            return mean
        # where softplus underflows, z is μ: from 40 on, Φ is 1 and φ is 0
        ratio = (mean / scale.clamp(min=torch.finfo(scale.dtype).tiny)).clamp(-40, 40)
        density = (-ratio.square() / 2).exp() / math.sqrt(2 * math.pi)
        below: Tensor = torch.special.ndtr(ratio)
        return mean * below + scale * density
