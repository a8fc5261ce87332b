"""Certificates of the mean prediction (definition 3.1), from the distribution of its scores."""

import numpy as np

from pyrosnn.certificates.distribution import LowerDistribution
from pyrosnn.certificates.radii import farthest
from pyrosnn.certificates.tally import Tally
from pyrosnn.certificates.votes import positive, without_chosen
from pyrosnn.statistics import dkw, split


def majority(tally: Tally, alpha: float) -> np.ndarray:
    """Return the radius up to which the mean score of the class stays above 1/2, in σ.

    Scores sum to 1, so that no other class can then have a larger mean.

    Args:
        tally: the draws; none of them took part in the choice.
        alpha: probability that the radius of an image is too large, at most.
    """
    scores = _lower(_of_chosen(tally.scores_from, tally), tally, alpha)
    return positive(farthest(lambda t: scores.mean(t) > 0.5, tally.chosen.shape))


def plurality(tally: Tally, alpha: float) -> np.ndarray:
    """Return the radius up to which the mean score stays above those of all others, in σ.

    It needs bounds of all classes, which share α.

    Args:
        tally: the draws; none of them took part in the choice.
        alpha: probability that the radius of an image is too large, at most.
    """
    share = split(alpha, tally.votes.shape[1])
    lower = _lower(_of_chosen(tally.scores_from, tally), tally, share)
    others = _lower(tally.scores_below, tally, share)

    def holds(t: np.ndarray) -> np.ndarray:
        upper = 1 - others.mean(np.broadcast_to(t[:, None], tally.votes.shape))
        return np.asarray(lower.mean(t) > without_chosen(upper, tally, -1.0).max(-1))

    return positive(farthest(holds, tally.chosen.shape))


def _lower(counts: np.ndarray, tally: Tally, alpha: float) -> LowerDistribution:
    return LowerDistribution(counts, tally.number, slack=dkw(tally.number, alpha))


def _of_chosen(counts: np.ndarray, tally: Tally) -> np.ndarray:
    return np.asarray(np.take_along_axis(counts, tally.chosen[:, None, None], 1)[:, 0])
