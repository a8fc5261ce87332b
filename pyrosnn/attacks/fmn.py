"""`fmn`: fast minimum norm, projections onto a ball whose radius adapts, in ℓ2, ℓ∞ or ℓ1."""

from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Gt, Lt
from torch import Tensor

from pyrosnn.attacks.maximised import Gradient
from pyrosnn.attacks.minimum_norm import MinimumNormAttack, annealed
from pyrosnn.attacks.norms import unit
from pyrosnn.attacks.problem import Problem
from pyrosnn.attacks.shortest import Shortest, Verdict
from pyrosnn.shapes import PerImage


@dataclass(frozen=True, kw_only=True)
class FMN(MinimumNormAttack):
    r"""Steps along the unit gradient, each projected onto a ball around x.

    $\delta_{k+1} = \Pi_{\|\cdot\| \le \epsilon_k}(\delta_k + \alpha_k g_k / \|g_k\|_2)$ with the
    gradient of the loss ``log-margin``. Where $\delta_k$ fools V, ε becomes $(1 - \gamma_k)
    \epsilon$, and no more than the shortest norm found. Elsewhere it becomes $(1 + \gamma_k)
    \epsilon$ and, as long as no δ has fooled V, at least the norm of $\delta_k$ plus the distance
    to the boundary if the loss were linear: the loss on V, divided by the dual norm of g. α and γ
    fall along a cosine, to α / 100 and 0.001.

    In the paper that distance alone decides before the first success. Where clipping shortens each
    δ, it stands still before the boundary.

    Attributes:
        step_size: length of the first step in ℓ2, α, as a share of the width of ``clip``; without
            ``clip`` in pixel units.
        gamma: share by which the radius changes at first, γ.

    References:
        M. Pintor et al., Fast minimum-norm adversarial attacks through adaptive norm constraints,
        NeurIPS 2021, algorithm 1.

    Example:
        >>> FMN(norm="l1", strength=12.0).steps
        100
    """

    step_size: Annotated[float, Gt(0)] = 1.0
    gamma: Annotated[float, Gt(0), Lt(1)] = 0.05

    def search(self, problem: Problem, shortest: Shortest, rows: Tensor) -> None:
        """Make the steps, all of them from δ = 0."""
        delta = torch.zeros_like(problem.x[rows])
        radius = torch.zeros_like(shortest.norm[rows])
        verdict = shortest.offer(delta, rows)
        pages = problem.pages(fixed=self.fixed_samples)
        first = self.step_size * self.pixel_range
        for step, page in zip(range(self.steps), pages, strict=False):
            gradient = problem.gradient(delta, page, rows)
            gamma = annealed(self.gamma, 0.001, step / self.steps)
            best = shortest.norm[rows]
            boundary = problem.norm.measure(delta) + self._distance(problem, gradient, verdict)
            wider = (1 + gamma) * radius
            wider = torch.where(best.isinf(), torch.maximum(wider, boundary), wider)
            narrower = torch.minimum((1 - gamma) * radius, best)
            radius = torch.where(verdict.fooled, narrower, wider)
            size = annealed(first, first / 100, step / self.steps)
            delta = problem.project(delta + size * unit(gradient.direction), radius, rows)
            verdict = shortest.offer(delta, rows)

    def _distance(self, problem: Problem, gradient: Gradient, verdict: Verdict) -> PerImage:
        """Return how far the loss on V is from 0, in steps of norm 1 along its slope."""
        slope = gradient.scale * problem.norm.dual(gradient.direction)
        away = torch.where(slope > 0, verdict.loss.abs() / slope, torch.inf)
        return away.to(gradient.direction.dtype)
