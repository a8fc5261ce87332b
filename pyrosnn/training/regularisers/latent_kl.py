"""`latent-kl`: the divergence of the random features from a standard normal (FLSS, VIB)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from pyrosnn.training.regularisers.noises import latent_moments
from pyrosnn.training.regularisers.regulariser import Regulariser

if TYPE_CHECKING:
    from pyrosnn.training.step import Step


@dataclass(frozen=True, kw_only=True)
class LatentKL(Regulariser):
    r"""The divergence $\mathrm{KL}(q(z \mid x) \,\|\, \mathcal N(0, I))$ of a stochastic layer.

    A sum over units and a mean over images, $q(z \mid x) = \mathcal N(μ(x), s(x)^2)$. With it and
    the cross-entropy alone the training is a variational information bottleneck. Layers below see
    the image without noise and, with batch norm, running statistics.

    References:
        A. A. Alemi et al., Deep variational information bottleneck, ICLR 2017. S. Addepalli et
        al., CVPR workshops 2021, who weigh it by 0.01 in each of two steps: ``train`` in
        CIFAR10/Train/train_cifar10.py of github.com/val-iisc/FLSS.

    Example:
        >>> LatentKL(weight=0.01).start
        0
    """

    def penalty(self, step: "Step") -> Tensor:
        """Return the divergence of each image."""
        mean, scale = latent_moments(step, "latent-kl")
        return (mean.square() + scale.square() - 1).sum(-1) / 2 - scale.log().sum(-1)
