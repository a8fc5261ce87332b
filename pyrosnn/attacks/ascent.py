"""The state of APGD: of each image its best point and its step size, which shrinks by itself."""

import torch

from pyrosnn.attacks.norms import per_image
from pyrosnn.shapes import Images, PerImage

ENOUGH = 0.75  # share of the steps between two checkpoints that have to raise the loss


def checkpoints(steps: int) -> dict[int, int]:
    """Return the numbers of the steps that end a window, each with the window's length.

    The first window has 0.22 of all steps; each other is 0.03 of them shorter, down to 0.06.

    Args:
        steps: number of steps, at least 1.

    Example:
        >>> checkpoints(100)
        {22: 22, 41: 19, 57: 16, 70: 13, 80: 10, 87: 7, 93: 6, 99: 6}
    """
    window, less, least = (max(int(share * steps), 1) for share in (0.22, 0.03, 0.06))
    ends, end = {}, window
    while end <= steps:
        ends[end] = window
        window = max(window - less, least)
        end += window
    return ends


class Ascent:
    """Points of successive steps with their losses, and what follows from them for each image.

    At the end of a window the step size of an image is halved, and the image returns to its best
    point, if at most 0.75 of the window's steps raised the loss; or if the step size was not halved
    at the checkpoint before, and the best loss has not risen since.

    Args:
        delta: the starting points, shape (example, *image).
        loss: their losses, shape (example,).
        step: step size of the first window.
        steps: number of steps in all.

    Attributes:
        best: the point with the highest loss so far, shape (example, *image).
        highest: its loss, shape (example,).
        step: the step size, shape (example,).
        ascents: the steps since the last checkpoint that raised the loss, shape (example,).
    """

    def __init__(self, delta: Images, loss: PerImage, *, step: float, steps: int):
        self.best, self.highest = delta, loss
        self.step = torch.full_like(loss, step)
        self.ascents = torch.zeros_like(loss)
        self._last, self._highest_before = loss, loss
        self._halved = torch.ones_like(loss, dtype=torch.bool)  # as if: one rule at the first
        self._number, self._checkpoints = 0, checkpoints(steps)

    def add(self, delta: Images, loss: PerImage) -> Images:
        """Record the point of a step; return the point to continue from.

        Args:
            delta: where the step led, shape (example, *image).
            loss: the loss there, shape (example,).
        """
        self._number += 1
        self.ascents = self.ascents + (loss > self._last)
        self._last = loss
        better = loss > self.highest
        self.best = torch.where(per_image(better, delta), delta, self.best)
        self.highest = torch.where(better, loss, self.highest)
        if self._number not in self._checkpoints:
            return delta
        return torch.where(per_image(self._halve(), delta), self.best, delta)

    def _halve(self) -> torch.Tensor:
        """End a window: halve step sizes, and return whose they were, shape (example,)."""
        few = self.ascents <= ENOUGH * self._checkpoints[self._number]
        rests = ~self._halved & (self.highest <= self._highest_before)
        halved = few | rests
        self.step = torch.where(halved, self.step / 2, self.step)
        self.ascents = torch.zeros_like(self.ascents)
        self._halved, self._highest_before = halved, self.highest
        return halved
