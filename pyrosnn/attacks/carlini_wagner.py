"""`cw`: the attack of Carlini and Wagner, a penalty whose weight is searched for."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from pyrosnn.attacks.adam import Adam
from pyrosnn.attacks.minimum_norm import MinimumNormAttack
from pyrosnn.attacks.norms import NORMS, Norm, per_image
from pyrosnn.attacks.problem import Problem
from pyrosnn.attacks.shortest import Shortest
from pyrosnn.shapes import Flags, PerImage

# Times that an image is asked whether it still improves, and the share by which it must.
CHECKS, PROGRESS = 10, 1e-4


@dataclass(frozen=True, kw_only=True)
class CarliniWagner(MinimumNormAttack):
    r"""Descent of $\|\delta\|_2^2 + c \max(\log f_y - \max_{j \ne y} \log f_j, 0)$, by Adam.

    Gradients are those of fresh samples; V decides whether the second term is active, and whether
    δ fools. Each image has its own c: ten times as large after a run without success, then halfway
    between the largest that failed and the smallest that succeeded. An image leaves a run that no
    longer improves on V. With the defaults there are at most 900 steps.

    With ``clip``, δ is projected after each step, as in the paper's section V.B, and has no
    hyperbolic tangent: that hardly moves pixels at a bound within so few steps.

    Attributes:
        steps: number of steps for each c.
        constants: number of values of c that are tried one after the other.
        initial_constant: the first c, as a share of the squared width of ``clip``; without
            ``clip`` c itself.
        learning_rate: Adam's learning rate, as a share of the width of ``clip``; without ``clip``
            in pixel units.

    References:
        N. Carlini, D. Wagner, Towards evaluating the robustness of neural networks, S&P 2017,
        sections V and VI.A. Decisions on averages: M. Lécuyer et al., Certified robustness to
        adversarial examples with differential privacy, S&P 2019.

    Example:
        >>> CarliniWagner(clip=(0.0, 1.0)).constants
        9
    """

    constants: Annotated[int, Ge(1)] = 9
    initial_constant: Annotated[float, Gt(0)] = 0.001
    learning_rate: Annotated[float, Gt(0)] = 0.01

    norms: ClassVar[Mapping[str, Norm]] = {"l2": NORMS["l2"]}

    def search(self, problem: Problem, shortest: Shortest, rows: Tensor) -> None:
        """Descend once for each c."""
        first = self.initial_constant * self.pixel_range**2
        constant = torch.full_like(shortest.norm[rows], first)
        low, high = torch.zeros_like(constant), torch.full_like(constant, torch.inf)
        for _ in range(self.constants):
            fooled = self._descend(problem, shortest, rows, constant)
            high = torch.where(fooled, torch.minimum(high, constant), high)
            low = torch.where(fooled, low, constant)
            constant = torch.where(high.isinf(), 10 * constant, (low + high) / 2)

    def _descend(
        self, problem: Problem, shortest: Shortest, rows: Tensor, constant: PerImage
    ) -> Flags:
        """Descend from x; return which images fooled V on the way."""
        adam = Adam(torch.zeros_like(problem.x[rows]), self.learning_rate * self.pixel_range)
        ever = torch.zeros_like(constant, dtype=torch.bool)
        place = torch.arange(len(rows), device=rows.device)  # in ``ever``
        least = torch.full_like(constant, torch.inf)
        pages = problem.pages(fixed=self.fixed_samples)
        for step, page in zip(range(self.steps), pages, strict=False):
            delta = adam.value
            gradient = problem.gradient(delta, page, rows)
            verdict = shortest.offer(delta, rows)
            ever[place] |= verdict.fooled
            weight = constant * gradient.scale.to(delta.dtype) * ~verdict.fooled
            adam.step(2 * delta - per_image(weight, delta) * gradient.direction)
            adam.value = problem.project(adam.value, math.inf, rows)
            if step % max(1, self.steps // CHECKS) == 0:
                lead = (-verdict.loss).clamp(min=0).to(delta.dtype)
                objective = delta.flatten(1).square().sum(1) + constant * lead
                improves = objective < (1 - PROGRESS) * least
                if not bool(improves.any()):
                    break
                if not bool(improves.all()):
                    rows, place, constant = rows[improves], place[improves], constant[improves]
                    adam.keep(improves)
                least = objective[improves]
        return ever
