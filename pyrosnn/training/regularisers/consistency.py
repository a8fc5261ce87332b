"""`consistency`: draws of one image agree with their mean, and the mean is confident."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge
from torch import Tensor

from pyrosnn.errors import require
from pyrosnn.training.objectives.pooled import label_logits
from pyrosnn.training.regularisers.regulariser import Regulariser

if TYPE_CHECKING:
    from pyrosnn.training.spec import TrainingSpec
    from pyrosnn.training.step import Step


@dataclass(frozen=True, kw_only=True)
class Consistency(Regulariser):
    r"""Consistency of the predictions of one image under noise, for larger certified radii.

    Adds $\lambda \frac1m \sum_i \mathrm{KL}(\bar p \,\|\, p_i) + \eta H(\bar p)$ for the
    predictions $p_i$ of m draws of an image and their mean $\bar p$. A draw is one noisy copy of
    the image with one particle, the joint draw (θ, ε) that certificates count: the copies of
    ``smoothing_variance`` and ``noisy_copies``, times the particles. A model with noise of its own
    on the image needs no copies. The draws are those of the loss on clean images; beside attacked
    ones they are one more evaluation.

    Attributes:
        entropy: weight of the entropy of the mean prediction, η; the original's is 0.5.

    References:
        J. Jeong, J. Shin, Consistency regularization for certified robustness of smoothed
        classifiers, NeurIPS 2020, equation 7: m = 2, λ from 5 (large noise) to 20 (small).

    Example:
        >>> Consistency(weight=10.0).entropy
        0.5
    """

    entropy: Annotated[float, Ge(0)] = 0.5

    def check(self, spec: "TrainingSpec") -> None:
        """Refuse a single draw, which agrees with itself."""
        require(
            _copies(spec) * spec.num_particles >= 2,
            "consistency compares draws of an image, got one; set num_particles to 2, or "
            "smoothing_variance with noisy_copies",
        )

    def penalty(self, step: "Step") -> Tensor:
        """Return the divergence of the draws from their mean, and the weighted entropy."""
        spec = step.setting.spec
        log_p = label_logits(step.clean).to(step.x.dtype)
        copies = _copies(spec)
        # (particle, image, copy, class) to (draw, image, class); a single particle has no axis
        draws = log_p.reshape(-1, len(step.x) // copies, copies, log_p.shape[-1])
        draws = draws.transpose(1, 2).flatten(0, 1)
        mean = draws.logsumexp(0) - draws.new_tensor(len(draws)).log()
        divergence = (mean.exp() * (mean - draws)).sum(-1).mean(0)
        entropy = -(mean.exp() * mean).sum(-1)
        penalty: Tensor = divergence + self.entropy / self.weight * entropy
        return penalty


def _copies(spec: "TrainingSpec") -> int:
    return spec.noisy_copies if spec.smoothing_variance > 0 else 1
