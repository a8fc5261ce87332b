"""Certificates of the majority vote of single draws."""

import numpy as np

from pyrosnn.certificates.radii import one_sided, two_sided
from pyrosnn.certificates.tally import Tally
from pyrosnn.statistics import probability_lower, probability_upper, split


def vote_bound(tally: Tally, alpha: float) -> np.ndarray:
    """Return a lower bound of the probability that a draw predicts the chosen class.

    Args:
        tally: the draws; none of them took part in the choice.
        alpha: probability that the bound of an image is too large, at most.
    """
    return probability_lower(_of_chosen(tally.votes, tally), tally.number, alpha)


def majority(tally: Tally, alpha: float) -> np.ndarray:
    r"""Return Cohen's radius $\Phi^{-1}(p)$ in σ; NaN where p is not above 1/2.

    Args:
        tally: the draws; none of them took part in the choice.
        alpha: probability that the radius of an image is too large, at most.

    References:
        Cohen, Rosenfeld and Kolter, Certified adversarial robustness via randomized smoothing,
        ICML 2019: CERTIFY, whose classifier need not be the mean prediction.
    """
    return positive(one_sided(vote_bound(tally, alpha)))


def plurality(tally: Tally, alpha: float) -> np.ndarray:
    """Return the radius at which another class may get more votes, in σ.

    It needs bounds of all classes, which share α.

    Args:
        tally: the draws; none of them took part in the choice.
        alpha: probability that the radius of an image is too large, at most.
    """
    votes, share = tally.votes, split(alpha, tally.votes.shape[1])
    lower = probability_lower(_of_chosen(votes, tally), tally.number, share)
    upper = probability_upper(votes, tally.number, share)
    # the votes of all classes sum to n: another class has at most what y does not have
    upper = np.minimum(upper, 1 - lower[:, None])
    return positive(two_sided(lower[:, None], without_chosen(upper, tally, 0.0)).min(-1))


def _of_chosen(values: np.ndarray, tally: Tally) -> np.ndarray:
    """Return the values of the chosen class, shape (example,)."""
    return np.asarray(np.take_along_axis(values, tally.chosen[:, None], -1)[:, 0])


def without_chosen(values: np.ndarray, tally: Tally, filling: float) -> np.ndarray:
    """Return values, shape (example, class, …), with another one for the chosen class."""
    chosen = np.arange(values.shape[1]) == tally.chosen[:, None]
    return np.where(chosen.reshape(*chosen.shape, *[1] * (values.ndim - 2)), filling, values)


def positive(distance: np.ndarray) -> np.ndarray:
    """Return distances, NaN for those that are not positive: the certificate abstains."""
    return np.where(distance > 0, distance, np.nan)
