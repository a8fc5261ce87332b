"""`gal`: gradients of different samples that point in one direction."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from pyrosnn.training.regularisers.pairs import pair_cosines, require_pairs
from pyrosnn.training.regularisers.regulariser import Regulariser

if TYPE_CHECKING:
    from pyrosnn.training.spec import TrainingSpec
    from pyrosnn.training.step import Step


@dataclass(frozen=True, kw_only=True)
class GAL(Regulariser):
    r"""Gradient alignment loss: $\log \sum_{i < j} \exp \cos(g_i, g_j)$ of each image.

    $g_i$ is the gradient of the loss of sample i at the image; in an ensemble, of member i. With
    three members the penalty is log 3 where all are orthogonal, and log 3 - 1/2, its minimum, where
    they are as far apart as they can be. Its weight is that of an image, with the mean of the
    members' losses in the objective; the authors have their sum.

    References:
        S. Kariyappa, M. K. Qureshi, Improving adversarial robustness of ensembles with diversity
        training, 2019, against attacks that transfer. With the weight 0.5 for the sum of three
        losses (1/6 here) in ``GAL_Trainer``, train/Empirical/trainer.py of
        github.com/AI-secure/Transferability-Reduced-Smooth-Ensemble; the first authors' code was
        not found.

    Example:
        >>> GAL(weight=0.5).start
        0
    """

    def check(self, spec: "TrainingSpec") -> None:
        """Refuse fewer than two different samples."""
        require_pairs("gal", spec)

    def penalty(self, step: "Step") -> Tensor:
        """Return the penalty of each image."""
        return pair_cosines(step.input_gradients).logsumexp(0)
