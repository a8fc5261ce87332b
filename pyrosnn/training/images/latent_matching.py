"""`latent-matching`: the losses at x and x + δ, and the divergence of their random features."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge
from torch import Tensor

from pyrosnn.noise.stochastic_layer import StochasticLayer
from pyrosnn.training.images.attacked import AttackedImages
from pyrosnn.training.regularisers.noises import noise_of

if TYPE_CHECKING:
    from pyrosnn.training.step import Step

RAMP = 0.01  # factor of the weight during the ramp


@dataclass(frozen=True, kw_only=True)
class LatentMatching(AttackedImages):
    r"""Feature-level stochastic smoothing: x and x + δ have like laws of random features.

    The loss is $L(x) + L(x + δ) + c\, \mathrm{KL}(q(z \mid x + δ) \,\|\, q(z \mid x))$ for a
    stochastic layer $q(z \mid x) = \mathcal N(μ(x), s(x)^2)$, all on the same particles. The
    divergence is a sum over units and a mean over images. It sees the features without other noise
    and, with batch norm, by running statistics.

    Attributes:
        matching: weight of the divergence, c.
        ramp: number of epochs in which a hundredth of the weight is taken.

    References:
        S. Addepalli et al., Boosting adversarial robustness using feature level stochastic
        smoothing, CVPR workshops 2021, as ``train`` in CIFAR10/Train/train_cifar10.py of
        github.com/val-iisc/FLSS. The original takes a step on x + δ and then one on x; its attack
        starts at a random point.

    Example:
        >>> LatentMatching(strength=0.1).ramp
        5
    """

    matching: Annotated[float, Ge(0)] = 1.0
    ramp: Annotated[int, Ge(0)] = 5

    @property
    def full_from(self) -> int:
        """The epoch after the warm-up and the ramp, which begin together."""
        return max(self.warm_up, self.ramp if self.matching > 0 else 0) + 1

    def loss(self, step: "Step") -> Tensor:
        """Return both losses and the weighted divergence."""
        clean = step.clean
        if self.warming_up(step):
            return step.loss(clean)
        attacked = self.attacked(step)
        weight = self.matching * (RAMP if step.epoch <= self.ramp else 1.0)
        network, noise = noise_of(step, StochasticLayer, "latent-matching", "se-snn or flss")
        features = [network.inputs_of(noise.head, x) for x in (attacked, step.x)]
        divergence = normal_divergence(*noise.moments(features[0]), *noise.moments(features[1]))
        return step.loss(clean, step.evaluate(attacked)) + weight * divergence.mean()


def normal_divergence(mean: Tensor, scale: Tensor, other: Tensor, other_scale: Tensor) -> Tensor:
    r"""Return $\mathrm{KL}(\mathcal N(m, s^2) \,\|\, \mathcal N(m', s'^2))$, a sum over the units.

    Args:
        mean: m, shape (example, feature).
        scale: s, the same.
        other: m', the same.
        other_scale: s', the same.

    Example:
        >>> import torch
        >>> one = torch.ones(1, 2)
        >>> normal_divergence(one, one, 3 * one, one)
        tensor([4.])
    """
    ratio = scale / other_scale
    squares = ratio.square() + ((mean - other) / other_scale).square()
    return (squares - 1).sum(-1) / 2 - ratio.log().sum(-1)
