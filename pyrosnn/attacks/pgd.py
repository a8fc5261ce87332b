"""`pgd`: projected gradient descent, many short steps of FGM within the ball; EOT-PGD."""

from dataclasses import dataclass, replace
from typing import Annotated

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from pyrosnn.attacks.gradient_attack import GradientAttack
from pyrosnn.attacks.norms import per_image
from pyrosnn.attacks.problem import EVERY, Problem, Rows
from pyrosnn.attacks.step_sizes import require_reach


@dataclass(frozen=True, kw_only=True)
class PGD(GradientAttack):
    r"""Steps along the loss gradient, each projected back onto the ball of radius η.

    $\delta_{k+1} = \Pi_{\|\cdot\| \le \eta}(\delta_k + \rho\,\eta\, g_k / \|g_k\|)$ with
    $\delta_0 = 0$. Every step has its own gradient $g_k$ and, by default, its own samples: step k
    uses samples k S_A … (k + 1) S_A - 1 of the attack set's stream, the first step the set
    itself. With one step and ρ = 1 it is FGM.

    With fresh samples this is EOT-PGD, projected gradient descent with expectation over
    transformation: each step follows a mean over S_A new draws of the randomness.

    Attributes:
        steps: number of steps.
        relative_step: step size as a share of the strength, ρ.
        fixed_samples: use the attack set in every step; by default each step has fresh samples, as
            in EOT-PGD. Images that ``cw`` rests on then cost nothing more.
        restarts: number of additional runs from random starting points. Each image keeps the end
            with the smallest margin on a selection set V, of the attack set's size and of a stream
            of its own.

    References:
        A. Madry et al., ICLR 2018. Expectation over transformation: A. Athalye, L. Engstrom,
        A. Ilyas, K. Kwok, ICML 2018. Steps, step size and fresh samples: supplement C.2.2 of
        Däubener & Fischer 2022.

    Example:
        >>> PGD(strength=1.5, steps=20, relative_step=0.1).one_step.steps
        1
    """

    steps: Annotated[int, Ge(1)] = 100
    relative_step: Annotated[float, Gt(0)] = 0.02
    fixed_samples: bool = False
    restarts: Annotated[int, Ge(0)] = 0

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            ArgumentError: ``steps must be >= 1, got 0``; for steps that do not reach the strength.
        """
        super().__post_init__()
        require_reach(self.steps, self.relative_step)

    @property
    def one_step(self) -> "PGD":
        """FGM, from x itself."""
        return replace(self, steps=1, relative_step=1.0, restarts=0)

    def run(self, problem: Problem, strength: float) -> Tensor:
        """Ascend from x and from each random start; keep the best result for each image."""
        x = problem.x
        best = self._ascend(problem, strength, torch.zeros_like(x))
        margin = None
        for restart in range(self.restarts):
            with problem.random("restart", problem.samples.origin.start, restart):
                start = problem.project(problem.norm.draw(x, strength), strength)
            end = self._ascend(problem, strength, start)
            if margin is None:
                margin = problem.judged(best).margin(problem.labels)
            other = problem.judged(end).margin(problem.labels)
            best = torch.where(per_image(other < margin, x), end, best)
            margin = torch.minimum(margin, other)
        return best

    def _ascend(self, problem: Problem, strength: float, delta: Tensor) -> Tensor:
        """Run the steps from a starting point, in place."""
        rows: Rows = EVERY
        pages = problem.pages(fixed=self.fixed_samples)
        for _, page in zip(range(self.steps), pages, strict=False):
            here = delta[rows]
            if len(here) == 0:
                break
            gradient = problem.gradient(here, page, rows)
            uphill = problem.norm.steepest(problem.inward(gradient.direction, here, rows))
            move = uphill * (self.relative_step * strength)
            delta[rows] = problem.project(here + move, strength, rows)
            rows = problem.unfinished(rows, gradient, fixed=self.fixed_samples)
        return delta
