"""`drt`: margins of different samples that fall together."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge
from torch import Tensor

from pyrosnn.training.modes import evaluating
from pyrosnn.training.regularisers.gradients import gradients_of
from pyrosnn.training.regularisers.pairs import of_pairs, require_pairs
from pyrosnn.training.regularisers.regulariser import Regulariser

if TYPE_CHECKING:
    from pyrosnn.training.spec import TrainingSpec
    from pyrosnn.training.step import Step


def top_margins(logits: Tensor) -> Tensor:
    """Return the largest probability minus the second, shape (sample, example)."""
    largest = logits.softmax(-1).topk(2, dim=-1).values
    return largest[..., 0] - largest[..., 1]


def joint_slope(gradients: Tensor, correct: Tensor) -> Tensor:
    r"""Return the mean over pairs of $\|\nabla m_i + \nabla m_j\|^2$, shape (example,).

    Args:
        gradients: of the samples' margins, shape (sample, example, *image).
        correct: which samples predict the label; pairs of others count as 0.

    Example:
        >>> import torch
        >>> opposite = torch.tensor([[[1.0, 2.0]], [[-1.0, -2.0]]])
        >>> joint_slope(opposite, torch.ones(2, 1, dtype=torch.bool))
        tensor([0.])
    """
    first, second = of_pairs(gradients.flatten(2))
    both = [of.to(gradients.dtype) for of in of_pairs(correct)]
    return ((first + second).square().sum(-1) * both[0] * both[1]).mean(0)


@dataclass(frozen=True, kw_only=True)
class DRT(Regulariser):
    r"""Diversity-regularised training of an ensemble: margins that do not fall together.

    With the margin $m_i$ of member i, its largest probability minus the second, the penalty of an
    image is

    $$\frac{1}{\#} \sum_{i < j} [i, j \text{ correct}]\, \|\nabla_x m_i + \nabla_x m_j\|^2
    - \frac{\mu}{M} \sum_i [i \text{ correct}]\, m_i:$$

    small if the gradients of two members cancel, so that no δ takes away both margins. The authors
    average over the images of a batch that both members predict correctly, and the margins over
    those of right members; here both are divided by all, and an image's penalty does not depend on
    its batch. They train on noisy images: ``--smoothing-variance``. Their
    objective is the sum of the members' losses, and here their mean: their weights are M times
    these.

    Attributes:
        margin_weight: weight of the members' margins beside the gradients, μ.

    References:
        Z. Yang et al., On the certified robustness for ensemble models and beyond, ICLR 2022; its
        claim is of certificates. Their code was not found, but one made from it: ``DRT_Trainer`` in
        utils/drt.py of github.com/danielz02/hydra.

    Example:
        >>> DRT(weight=1.0).margin_weight
        1.0
    """

    margin_weight: Annotated[float, Ge(0)] = 1.0

    def check(self, spec: "TrainingSpec") -> None:
        """Refuse fewer than two different samples."""
        require_pairs("drt", spec)

    def penalty(self, step: "Step") -> Tensor:
        """Return the penalty of each image."""
        classifier = step.setting.classifier
        with evaluating(classifier):
            of_images = gradients_of(
                classifier, step.x, step.particles, lambda logits: top_margins(logits).sum()
            )
            logits = classifier.logits(step.x, step.particles)
        correct = logits.argmax(-1) == step.y
        margins = (top_margins(logits) * correct).mean(0)
        return joint_slope(of_images, correct) - self.margin_weight * margins
