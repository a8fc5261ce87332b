"""`ddn`: decoupled direction and norm, a search along the sphere of a norm that adapts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Gt, Lt
from torch import Tensor

from pyrosnn.attacks.minimum_norm import MinimumNormAttack, annealed
from pyrosnn.attacks.norms import NORMS, Norm, per_image, unit
from pyrosnn.attacks.problem import Problem
from pyrosnn.attacks.shortest import Shortest


@dataclass(frozen=True, kw_only=True)
class DDN(MinimumNormAttack):
    r"""Steps along the unit gradient of the cross-entropy, each put back onto a sphere.

    $\delta_{k+1} = \rho_{k+1} u / \|u\|_2$ with $u = \delta_k + \alpha_k g_k / \|g_k\|_2$. The
    radius is multiplied by 1 - γ where $\delta_k$ fools V, and by 1 + γ elsewhere. α falls from 1
    to 0.01 along a cosine, times the width of ``clip``. Clipped δ are shorter than ρ. δ is not
    rounded to grey levels.

    Attributes:
        initial_norm: radius of the first sphere, as a share of the width of ``clip``; without
            ``clip`` in pixel units.
        gamma: share by which the radius changes, γ.

    References:
        J. Rony et al., Decoupling direction and norm for efficient gradient-based L2 adversarial
        attacks and defenses, CVPR 2019, algorithm 1.

    Example:
        >>> DDN(clip=(0.0, 1.0)).steps
        100
    """

    initial_norm: Annotated[float, Gt(0)] = 1.0
    gamma: Annotated[float, Gt(0), Lt(1)] = 0.05

    norms: ClassVar[Mapping[str, Norm]] = {"l2": NORMS["l2"]}
    its_loss: ClassVar[str] = "cross-entropy"

    def search(self, problem: Problem, shortest: Shortest, rows: Tensor) -> None:
        """Make the steps, all of them from δ = 0."""
        delta = torch.zeros_like(problem.x[rows])
        radius = torch.full_like(shortest.norm[rows], self.initial_norm * self.pixel_range)
        fooled = torch.zeros_like(radius, dtype=torch.bool)
        pages = problem.pages(fixed=self.fixed_samples)
        for step, page in zip(range(self.steps), pages, strict=False):
            uphill = unit(problem.gradient(delta, page, rows).direction)
            size = self.pixel_range * annealed(1.0, 0.01, step / self.steps)
            delta = delta + size * uphill
            radius = radius * torch.where(fooled, 1 - self.gamma, 1 + self.gamma)
            delta = problem.project(per_image(radius, delta) * unit(delta), radius, rows)
            fooled = shortest.offer(delta, rows).fooled
