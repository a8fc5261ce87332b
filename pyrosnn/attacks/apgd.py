"""`apgd`: projected gradient descent that finds its own step sizes."""

from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from pyrosnn.attacks.ascent import Ascent
from pyrosnn.attacks.attack import Attack
from pyrosnn.attacks.fgm import FGM
from pyrosnn.attacks.norms import per_image
from pyrosnn.attacks.problem import Problem
from pyrosnn.attacks.selecting_attack import SelectingAttack
from pyrosnn.outputs.algebra import one_hot
from pyrosnn.sampling import SampleSet
from pyrosnn.shapes import Images, Labels

NEW = 0.75  # share of a step that is new; the rest repeats the step before


@dataclass(frozen=True, kw_only=True)
class APGD(SelectingAttack):
    r"""Auto-PGD: steps with momentum, of sizes that are halved where an image stops to rise.

    $z = \Pi(\delta_k + s_k g_k / \|g_k\|)$ and
    $\delta_{k+1} = \Pi(\delta_k + 0.75 (z - \delta_k) + 0.25 (\delta_k - \delta_{k-1}))$, from a
    random point at the distance η and with $s_0 = 2 \eta$. Each step has its own gradient and, by
    default, its own samples. Whether the loss rose is asked of a selection set V, the same in all
    steps: with the samples of the gradients the noise alone would halve the sizes. Each image keeps
    the point of all runs that has the smallest margin on V.

    Attributes:
        steps: number of steps in each run.
        restarts: number of additional runs from other random points.
        targets: number of classes to lead to, each in runs of its own: the likeliest wrong ones on
            V at x. With 0 all runs lead away from the label. With the loss ``dlr`` this is APGD-T.
        fixed_samples: use the attack set in every step, instead of fresh samples.

    References:
        F. Croce, M. Hein, Reliable evaluation of adversarial robustness with an ensemble of diverse
        parameter-free attacks, ICML 2020, algorithm 1.

    Example:
        >>> APGD(strength=0.6, loss="dlr", targets=9).steps
        100
    """

    steps: Annotated[int, Ge(1)] = 100
    restarts: Annotated[int, Ge(0)] = 0
    targets: Annotated[int, Ge(0)] = 0
    fixed_samples: bool = False

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            ArgumentError: ``steps must be >= 1, got 0``; for targets of a loss that leads to no
                given class.
        """
        super().__post_init__()
        if self.targets:
            self.maximised.toward(torch.zeros(1, dtype=torch.long))

    @property
    def one_step(self) -> Attack:
        """FGM, from x itself."""
        return FGM(**self.shared)

    def run(self, problem: Problem, strength: float) -> Tensor:
        """Ascend from random points, toward each target; return what V finds worst.

        All runs take a step with the same samples before the next are drawn: to draw the weights of
        a network takes as long as to differentiate it.
        """
        runs = []
        for number, target in enumerate(self._targets(problem)):
            problem.target = target
            for restart in range(1 + self.restarts):
                with problem.random("apgd", problem.samples.origin.start, number, restart):
                    drawn = problem.norm.draw(problem.x, 1.0)
                far = drawn / per_image(problem.norm.measure(drawn), drawn)
                start = problem.project(strength * far, strength)
                ascent = Ascent(start, problem.decide(start), step=2 * strength, steps=self.steps)
                runs.append(_Run(target=target, ascent=ascent, here=start, before=start))
        pages = problem.pages(fixed=self.fixed_samples)
        for step, page in zip(range(self.steps), pages, strict=False):
            for one in runs:
                problem.target = one.target
                one.go_on(problem, page, strength, first=step == 0)
        problem.target = None
        return problem.archive.delta

    def _targets(self, problem: Problem) -> list[Labels | None]:
        """Return the classes of each run, from the likeliest; None for any but the label."""
        if self.targets == 0:
            return [None]
        scores = problem.judged(torch.zeros_like(problem.x)).scores
        wrong = scores.masked_fill(one_hot(problem.labels, scores).bool(), -torch.inf)
        number = min(self.targets, scores.shape[-1] - 1)
        return list(wrong.topk(number, dim=-1).indices.unbind(-1))


@dataclass(kw_only=True)
class _Run:
    """A run from one starting point, toward one target.

    Attributes:
        target: the class of each image that it leads to; None for any but the label.
        ascent: its points, losses and step sizes.
        here, before: the point of this step and that of the last, shape (example, *image).
    """

    target: Labels | None
    ascent: Ascent
    here: Images
    before: Images

    def go_on(self, problem: Problem, page: SampleSet, strength: float, *, first: bool) -> None:
        """Make a step; V decides, and the archive keeps."""
        here = self.here
        gradient = problem.gradient(here, page).direction
        steepest = problem.norm.steepest(problem.inward(gradient, here))
        size = per_image(self.ascent.step, here).to(here.dtype)
        ahead = problem.project(here + size * steepest, strength)
        if not first:
            ahead = here + NEW * (ahead - here) + (1 - NEW) * (here - self.before)
            ahead = problem.project(ahead, strength)
        self.before, self.here = here, self.ascent.add(ahead, problem.decide(ahead))
