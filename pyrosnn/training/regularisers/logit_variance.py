"""`logit-variance`: the logarithm of the variance that noise gives the logits (WCA-Net)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from pyrosnn.noise.learned_covariance import LearnedCovariance
from pyrosnn.training.regularisers.noises import noise_of
from pyrosnn.training.regularisers.regulariser import Regulariser

if TYPE_CHECKING:
    from pyrosnn.training.step import Step


@dataclass(frozen=True, kw_only=True)
class LogitVariance(Regulariser):
    r"""Weight-covariance alignment: the reward of noise that reaches the logits.

    Adds $-λ \log \sum_c w_c^\top Σ w_c$ with the covariance $Σ = L L^\top$ of the noise below
    the head and the weights $w_c$ of class c: the sum of the variances of all logits. It falls
    without bound as Σ grows; only the loss and the weight decay hold it. The logarithm is outside
    of the sum, as in the authors' code. Both forms of the covariance are penalised by the noise
    that acts: the original's diagonal form takes the raw parameter, which may be negative.

    References:
        P. Eustratiadis et al., Weight-covariance alignment, ICML 2021, as ``train_stochastic`` in
        train.py of github.com/peustr/WCA-Net.

    Example:
        >>> LogitVariance(weight=1.0).start
        0
    """

    def penalty(self, step: "Step") -> Tensor:
        """Return the negative logarithm, the same for each image."""
        network, noise = noise_of(step, LearnedCovariance, "logit-variance", "wca")
        total = noise.logit_covariance(network).diagonal().sum()
        return -total.log().expand(len(step.x))
