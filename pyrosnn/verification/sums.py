"""Sums over samples of margins' lower bounds, and the statements that follow from them."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pyrosnn.shapes import Labels
from pyrosnn.statistics import empirical_bernstein, split
from pyrosnn.verification.margins import WIDTHS, margins_of
from pyrosnn.verification.pages import Page


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What is known of each image at each strength; arrays have the shape (example, strength).

    Attributes:
        margin: the least margin of the mean over the samples, min over other classes.
        expected: lower bound of the same of the expectation, with confidence; None for logits.
        samples: how many samples are verified.
        number: of how many.
    """

    margin: np.ndarray
    expected: np.ndarray | None
    samples: np.ndarray
    number: int


class MarginSums:
    """Sums over samples, in memory that does not grow with their number.

    Args:
        y: labels.
        num_strengths: number of strengths.
        num_classes: number of classes.
        output: what the discriminant functions are.
        times: how often each sample is in the set, shape (sample,).
    """

    def __init__(self, y: Labels, num_strengths: int, num_classes: int, output: str, times: Tensor):
        self._margins, self._output = margins_of(output), output
        self._times = times
        self._others = torch.arange(num_classes, device=y.device) != y.unsqueeze(1)
        shape = (num_strengths, len(y), num_classes)
        self._sum = torch.zeros(shape, dtype=torch.float64, device=y.device)
        self._squares = torch.zeros_like(self._sum)
        self._verified = torch.zeros(shape[:2], dtype=torch.int64, device=y.device)

    def add(self, page: Page) -> None:
        """Add the bounds of a page."""
        times = self._times[page.samples, None]
        margins = self._margins(page.lower, page.upper, ~self._others[page.images])
        self._sum[:, page.images] += (times.unsqueeze(2) * margins).sum(1)
        self._squares[:, page.images] += (times.unsqueeze(2) * margins.square()).sum(1)
        robust = ((page.lower > 0) | ~self._others[page.images]).all(-1)
        self._verified[:, page.images] += (times * robust).sum(1)

    def statements(self, alpha: float) -> Verified:
        """Return what the sums say.

        Args:
            alpha: probability that the bound of the expectation fails for an image and strength,
                at most.
        """
        number = int(self._times.sum())
        mean = self._sum / number
        expected = None
        if self._output in WIDTHS and number >= 2:
            variance = (self._squares - number * mean.square()).clamp(min=0) / (number - 1)
            # one bound for each other class: all must hold
            share = split(alpha, self._others.shape[1] - 1)
            width = WIDTHS[self._output]
            reach = empirical_bernstein(variance.cpu().numpy(), number, share, width=width)
            expected = self._least(mean - torch.from_numpy(reach).to(mean.device))
        samples: np.ndarray = self._verified.T.cpu().numpy()
        return Verified(margin=self._least(mean), expected=expected, samples=samples, number=number)

    def _least(self, margins: Tensor) -> np.ndarray:
        """Return the smallest over the classes other than the label, shape (example, strength)."""
        least: np.ndarray = margins.masked_fill(~self._others, torch.inf).amin(2).T.cpu().numpy()
        return least
