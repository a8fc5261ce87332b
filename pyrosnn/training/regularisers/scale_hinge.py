"""`scale-hinge`: the reward of scales up to a bound (SE-SNN)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pyrosnn.training.regularisers.noises import latent_moments
from pyrosnn.training.regularisers.regulariser import Regulariser

if TYPE_CHECKING:
    from pyrosnn.training.step import Step


@dataclass(frozen=True, kw_only=True)
class ScaleHinge(Regulariser):
    r"""A hinge on the logarithm of the scales of a stochastic layer.

    Adds $λ \frac1N \sum_n \frac1K \sum_j \max(0, b - \log s_{nj})$ for the scale $s_{nj}$ of unit
    j at image n. Beyond $s = e^b$ nothing is gained; with the original's b = 16 no scale gets
    there, and the term rewards log s alone. Layers below see the image without noise, and batch
    norm has its running statistics.

    Attributes:
        bound: b; the original has 16 for robustness, 4 for pruning.

    References:
        T. Yu et al., Simple and effective stochastic neural networks, AAAI 2021, from the text;
        there is no code.

    Example:
        >>> ScaleHinge(weight=0.1).bound
        16.0
    """

    bound: float = 16.0

    def penalty(self, step: "Step") -> Tensor:
        """Return the mean hinge over the units of each image."""
        _, scale = latent_moments(step, "scale-hinge")
        return torch.relu(self.bound - scale.log()).mean(-1)
