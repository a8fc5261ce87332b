"""`noise-matching`: the divergence of predictions with noise from those without (FLSS)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyro
from torch import Tensor

from pyrosnn.errors import ArgumentError, NoNoiseFreeError
from pyrosnn.models.axes import one_sample
from pyrosnn.training.modes import evaluating
from pyrosnn.training.regularisers.regulariser import Regulariser

if TYPE_CHECKING:
    from pyrosnn.training.step import Step


@dataclass(frozen=True, kw_only=True)
class NoiseMatching(Regulariser):
    r"""The divergence $\mathrm{KL}(p(\cdot \mid x, \bar θ) \,\|\, p(\cdot \mid x, θ_s))$.

    $\bar θ$ is the noise at its mean: Gaussian noise is 0. The divergence is a sum over classes
    and a mean over samples and images; the authors' code divides it by the number of classes, too,
    so that their weight 1 is 0.1 here. Both sides see the batch before an attack,
    and with batch norm its running statistics.

    References:
        S. Addepalli et al., Boosting adversarial robustness using feature level stochastic
        smoothing, CVPR workshops 2021, as ``train`` in CIFAR10/Train/train_cifar10.py of
        github.com/val-iisc/FLSS.

    Example:
        >>> NoiseMatching(weight=0.1).start
        0
    """

    def penalty(self, step: "Step") -> Tensor:
        """Return the mean divergence of each image."""
        classifier = step.setting.classifier

        def at_means(x: Tensor) -> None:
            classifier.mean_sites(x, pyro.plate("images", len(x), dim=-1))

        try:
            means = one_sample(at_means, step.x)
        except NoNoiseFreeError:
            model = step.setting.spec.model or type(classifier).__name__
            raise ArgumentError(
                f"noise-matching needs noise whose law has a mean, which {model} does not have; "
                "leave it out"
            ) from None
        with evaluating(classifier):
            noisy = classifier.logits(step.x, step.particles).log_softmax(-1)
            still = classifier.logits(step.x, means).log_softmax(-1)
        return (still.exp() * (still - noisy)).sum(-1).mean(0)
