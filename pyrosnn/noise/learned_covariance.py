"""`learned-covariance`: Gaussian noise with a learned covariance below the head (WCA-Net)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import softplus

from pyrosnn.networks.network import Edits, Network, shift
from pyrosnn.noise.below_head import BelowHead
from pyrosnn.settings import OneOf
from pyrosnn.shapes import Sites

# The factor L of the covariance L Lᵀ, of a learned parameter.
COVARIANCES: dict[str, Callable[[Tensor], Tensor]] = {
    "full": torch.tril,
    "diagonal": lambda raw: softplus(raw).diag(),
}


@dataclass(eq=False, repr=False)
class LearnedCovariance(BelowHead):
    r"""Gaussian noise below the head: $h + L ε$ with $ε \sim \mathcal N(0, I)$ and a learned L.

    The noise does not depend on the image, so that neither does its effect: the logits are
    $\mathcal N(W h + b, W L L^\top W^\top)$, and their gradients at the image are those of the
    network without noise. Only the softmax makes the gradient of a loss random.

    $L$ is any lower triangle (``full``; signs of its diagonal do not matter, for no density is
    needed), or has the standard deviations $\mathrm{softplus}(ρ)$ on its diagonal (``diagonal``).
    All learned numbers start uniform in (0, 1).

    Attributes:
        covariance: form of the covariance. The original calls ``diagonal`` isotropic.

    References:
        P. Eustratiadis, H. Gouk, D. Li, T. Hospedales, Weight-covariance alignment for
        adversarially robust neural networks, ICML 2021, as models.py of
        github.com/peustr/WCA-Net.

    Example:
        >>> from pyrosnn.models import build_model
        >>> wca = build_model("wca", image_shape=(1, 8, 8), num_classes=10)
        >>> wca.noise[0].logit_covariance(wca.network).shape
        torch.Size([10, 10])
    """

    covariance: Annotated[str, OneOf(COVARIANCES)] = "full"

    def __post_init__(self) -> None:
        """Check the values of the fields."""
        super().__post_init__()
        self.factor: torch.nn.Parameter

    def place(self, network: Network) -> None:
        """Draw the parameter."""
        super().place(network)
        shape = (self.width, self.width) if self.covariance == "full" else (self.width,)
        like = network.matrix(self.head).detach()
        self.factor = torch.nn.Parameter(torch.rand(shape).to(like))

    @property
    def triangle(self) -> Tensor:
        """L, shape (feature, feature)."""
        return COVARIANCES[self.covariance](self.factor)

    def edits(self, network: Network, sites: Sites) -> Edits:
        """Return the sum of features and noise."""
        assert self.below is not None
        return {self.below: [shift(sites[self.site] @ self.triangle.mT)]}

    def mean_features(self, h: Tensor) -> Tensor:
        """Return the features without noise."""
        return h

    def logit_covariance(self, network: Network) -> Tensor:
        """Return the covariance of the logits by this noise, W L Lᵀ Wᵀ, shape (class, class)."""
        effect = network.matrix(self.head)[: self.width].mT @ self.triangle
        return effect @ effect.mT
