"""Certificates of the mean prediction, from the margins f_y - f_c of single draws."""

from typing import Any

import numpy as np

from pyrosnn.certificates.distribution import LowerDistribution
from pyrosnn.certificates.radii import farthest, pairwise
from pyrosnn.certificates.tally import Tally
from pyrosnn.certificates.votes import positive, without_chosen
from pyrosnn.statistics import dkw, empirical_bernstein, split


class MarginBounds:
    """Lower bounds of the mean margins to all other classes, at any distance.

    Args:
        tally: the draws; none of them took part in the choice of y.
        alpha: probability that some bound of an image is too large, at most.
    """

    def __init__(self, tally: Tally, alpha: float):
        self._tally = tally
        slack = dkw(tally.number, split(alpha, max(tally.votes.shape[1] - 1, 1)))
        self._halved = LowerDistribution(tally.margins_from, tally.number, slack=slack)

    def at(self, distance: Any) -> np.ndarray:
        """Return bounds in [-1, 1], shape (example, class), 1 for y itself.

        Args:
            distance: in σ, a number or one for each image.
        """
        each = np.broadcast_to(np.asarray(distance), self._tally.chosen.shape)
        halved = self._halved.mean(np.broadcast_to(each[:, None], self._tally.votes.shape))
        return without_chosen(2 * halved - 1, self._tally, 1.0)


def from_distribution(tally: Tally, alpha: float) -> np.ndarray:
    """Return the radius up to which all mean margins stay positive, in σ.

    Args:
        tally: the draws; none of them took part in the choice.
        alpha: probability that the radius of an image is too large, at most.
    """
    bounds = MarginBounds(tally, alpha)
    return positive(farthest(lambda t: bounds.at(t).min(-1) > 0, tally.chosen.shape))


def from_mean(tally: Tally, alpha: float) -> np.ndarray:
    """Return the same radius from mean and variance of the margins, which say less of them.

    Args:
        tally: the draws; none of them took part in the choice.
        alpha: probability that the radius of an image is too large, at most.
    """
    share = split(alpha, max(tally.votes.shape[1] - 1, 1))
    half = empirical_bernstein(tally.margin_variances, tally.number, share, width=2.0)
    lower = without_chosen(tally.margin_means - half, tally, 1.0)
    return positive(pairwise(np.clip(lower, -1, 1)).min(-1))
