"""The shortest δ of each image that fools a selection set."""

from dataclasses import dataclass

import torch

from pyrosnn.attacks.norms import per_image
from pyrosnn.attacks.problem import EVERY, Problem, Rows
from pyrosnn.shapes import Flags, Images, PerImage


@dataclass(frozen=True)
class Verdict:
    """What V says about one δ of each image.

    Attributes:
        fooled: whether V's mean prediction is wrong, shape (row,).
        loss: the attack's loss on V, float64, shape (row,).
    """

    fooled: Flags
    loss: PerImage


class Shortest:
    """Of each image the shortest δ so far with which V's mean prediction is wrong.

    Args:
        problem: images, labels, V and the norm.

    Attributes:
        delta: these δ, shape (example, *image); 0 where none fools V yet.
        norm: their norms, shape (example,); ∞ where none fools V yet.
    """

    def __init__(self, problem: Problem):
        self._problem = problem
        self.delta = torch.zeros_like(problem.x)
        self.norm = torch.full_like(problem.norm.measure(problem.x), torch.inf)

    def offer(self, delta: Images, rows: Rows = EVERY) -> Verdict:
        """Keep each δ that fools V and is shorter than the image's shortest.

        Args:
            delta: candidates, shape (row, *image).
            rows: which images those are; all by default.
        """
        problem = self._problem
        mean, labels = problem.judged(delta, rows), problem.labels[rows]
        problem.archive.offer(delta, mean.margin(labels), rows)
        fooled, norm = mean.predicted != labels, problem.norm.measure(delta)
        kept = fooled & (norm < self.norm[rows])
        self.delta[rows] = torch.where(per_image(kept, delta), delta, self.delta[rows])
        self.norm[rows] = torch.where(kept, norm, self.norm[rows])
        return Verdict(fooled, problem.maximised.row.value(mean, labels))

    def bisect(self, times: int) -> None:
        """Shorten each δ toward x until V is nearly right again, by halving an interval."""
        rows = (self.norm.isfinite() & (self.norm > 0)).nonzero().flatten()
        if len(rows) == 0:
            return
        whole = self.delta[rows]
        low, high = torch.zeros_like(self.norm[rows]), torch.ones_like(self.norm[rows])
        for _ in range(times):
            middle = (low + high) / 2
            fooled = self.offer(per_image(middle, whole) * whole, rows).fooled
            low, high = torch.where(fooled, low, middle), torch.where(fooled, middle, high)

    def best(self) -> Images:
        """Return the shortest δ; where none fools V, that with the smallest margin on V."""
        found = per_image(self.norm.isfinite(), self.delta)
        return torch.where(found, self.delta, self._problem.archive.delta)
