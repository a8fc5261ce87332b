"""`trs`: gradients of different samples that are alike, and steep losses."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from pyrosnn.training.modes import evaluating
from pyrosnn.training.regularisers.gradients import input_gradients
from pyrosnn.training.regularisers.pairs import pair_cosines, require_pairs
from pyrosnn.training.regularisers.regulariser import Regulariser

if TYPE_CHECKING:
    from pyrosnn.training.spec import TrainingSpec
    from pyrosnn.training.step import Step


@dataclass(frozen=True, kw_only=True)
class TRS(Regulariser):
    r"""Transferability-reduced smooth ensembles: gradients that differ, of losses that are smooth.

    With the gradient $g_i$ of member i's loss at the image, the penalty of an image is

    $$\frac{1}{\#} \sum_{i < j} |\cos(g_i, g_j)| + \frac{\mu}{M} \sum_i \|g_i(x')\|^2:$$

    an example that fools one member transfers to another if their gradients are alike, or if the
    loss is not smooth. x' is the image where the summed $\|g_i\|^2$ is largest, as ``steps`` steps
    of projected gradient ascent in ℓ∞ find it.

    The weights are those of an image. The authors square gradients of the *mean* loss of a batch
    of B, which divides the second term by B² (their λ is B² / 2 times this μ per unit of the
    first term, for three members), and their objective is the sum of the members' losses. Their
    ascent starts at a random point of the ball, this one at the image.

    Attributes:
        smoothness: weight of the squared gradients beside the cosines, μ.
        radius: largest change of a pixel in x'; 0 takes the image itself.
        steps: number of steps towards x', each of ``radius`` / 3.

    References:
        Z. Yang et al., TRS: transferability reduced ensemble via promoting gradient diversity and
        model smoothness, NeurIPS 2021, as ``TRS_Trainer`` in train/Empirical/trainer.py of
        github.com/AI-secure/Transferability-Reduced-Smooth-Ensemble.

    Example:
        >>> TRS(weight=1.0).steps
        6
    """

    smoothness: Annotated[float, Ge(0)] = 0.1
    radius: Annotated[float, Ge(0)] = 0.1
    steps: Annotated[int, Ge(0)] = 6

    def check(self, spec: "TrainingSpec") -> None:
        """Refuse fewer than two different samples."""
        require_pairs("trs", spec)

    def penalty(self, step: "Step") -> Tensor:
        """Return the penalty of each image."""
        alike = pair_cosines(step.input_gradients).abs().mean(0)
        if self.smoothness == 0:
            return alike
        return alike + self.smoothness * self.steepness(step, self.steepest(step)).mean(0)

    def steepness(self, step: "Step", x: Tensor) -> Tensor:
        """Return the squared length of each member's gradient, shape (sample, example)."""
        classifier = step.setting.classifier
        with evaluating(classifier):
            gradients = input_gradients(classifier, x, step.y, step.particles)
        return gradients.flatten(2).square().sum(-1)

    def steepest(self, step: "Step") -> Tensor:
        """Return x', without a graph."""
        x, (low, high) = step.x, step.setting.bounds
        if self.radius == 0 or self.steps == 0:
            return x
        near = x
        for _ in range(self.steps):
            point = near.detach().requires_grad_()
            (ascent,) = torch.autograd.grad(self.steepness(step, point).sum(), point)
            moved = near + self.radius / 3 * ascent.sign()
            # noisy images leave the bounds: the ball comes last
            near = moved.clamp(low, high).clamp(x - self.radius, x + self.radius)
        return near.detach()
