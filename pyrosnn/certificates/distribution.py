"""The mean of a score from its whole distribution: tighter than from its mean."""

from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri


class LowerDistribution:
    r"""Lower bounds of $P(\text{score} \geq t_i)$ at thresholds, for scores with values in [0, 1].

    The mean of a score after a shift by t standard deviations is at least
    $\sum_i (t_i - t_{i-1})\, \Phi(\Phi^{-1}(p_i) - t)$: the bound of a mean, applied to the
    indicator of each threshold. For an indicator it is that bound itself.

    Args:
        counts: how many of the draws lie at or above each of the thresholds i / B, for
            i = 1 … B, shape (…, B).
        number: n, the number of independent draws.
        slack: how far shares may lie above probabilities, see :func:`pyrosnn.statistics.dkw`.

    References:
        A. Kumar et al., Certifying confidence via randomized smoothing, NeurIPS 2020.

    Example:
        >>> scores = np.array([0.25, 0.5, 1.0, 1.0])
        >>> counts = np.array([(scores >= t).sum() for t in (0.25, 0.5, 0.75, 1.0)])
        >>> LowerDistribution(counts, 4, slack=0.0).mean(0.0)
        array(0.6875)
    """

    def __init__(self, counts: Any, number: int, *, slack: float):
        shares = np.asarray(counts, dtype=np.float64) / number
        self._normal = ndtri(np.maximum(shares - slack, 0.0))

    def mean(self, distance: Any) -> np.ndarray:
        """Return the lower bound of the mean after a shift.

        Args:
            distance: in standard deviations of the noise, of the shape of the scores.
        """
        return np.asarray(ndtr(self._normal - np.asarray(distance)[..., None]).mean(-1))
