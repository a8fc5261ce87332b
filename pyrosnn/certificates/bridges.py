"""From expectations to what is measured: finite inference sets, queries, and data sets."""

from typing import Any

import numpy as np
from scipy.stats import binom

from pyrosnn.certificates.radii import shifted
from pyrosnn.errors import require


def finite_mean(margins: Any, number: int) -> np.ndarray:
    r"""Return a lower bound of the probability that the mean of S_I draws is right.

    $1 - \sum_{c \neq y} \exp(-S_I m_c^2 / 2)$ by Hoeffding's inequality, for draws of
    $f_y - f_c$ in [-1, 1] with means of at least $m_c$. 0 where some $m_c$ is not positive.

    Args:
        margins: $m_c$ of all classes but y, along the last axis.
        number: S_I.

    Example:
        >>> finite_mean(np.full((1, 9), 0.3), 100).round(2)
        array([0.9])
    """
    require(number >= 1, f"number of draws must be >= 1, got {number}")
    margins = np.asarray(margins, dtype=np.float64)
    failing = np.exp(-number * margins**2 / 2).sum(-1)
    return np.where((margins > 0).all(-1), np.clip(1 - failing, 0, 1), 0.0)


def finite_majority(probability: Any, number: int) -> np.ndarray:
    """Return the probability that more than half of S_I draws are right.

    Args:
        probability: of a single draw, or a lower bound of it.
        number: S_I.

    Example:
        >>> finite_majority(np.array([0.6, 0.7]), 101).round(3)
        array([0.979, 1.   ])
    """
    require(number >= 1, f"number of draws must be >= 1, got {number}")
    return np.asarray(binom.sf(number // 2, number, probability))


def certified_robust_at(lower: Any, distance: Any, k: int) -> np.ndarray:
    r"""Return a lower bound of robust@k: that k queries of single draws are all right.

    $\Phi(\Phi^{-1}(p) - t)^k$, whatever δ of that length is.

    Args:
        lower: lower bound p of the probability that a draw is right at x.
        distance: t = ‖δ‖₂ / σ.
        k: number of queries, each with a fresh draw.

    Example:
        >>> certified_robust_at(np.array([0.99]), 1.0, 10).round(2)
        array([0.38])
    """
    require(k >= 1, f"number of queries must be >= 1, got {k}")
    return np.asarray(shifted(lower, distance) ** k)


def data_set_bound(accuracy: Any, distance: Any) -> np.ndarray:
    r"""Return a lower bound of the accuracy of single draws when every image is attacked.

    $\Phi(\Phi^{-1}(\beta) - t)$ with the accuracy β at x: the map is convex in β, so that the
    mean over images cannot fall further (Jensen). One draw for each image is enough.

    Args:
        accuracy: β, or a lower bound of it.
        distance: t = ‖δ‖₂ / σ, of δ chosen for each image.

    Example:
        >>> data_set_bound(0.95, np.array([0.1, 0.3]) / 0.1**0.5).round(3)
        array([0.908, 0.757])
    """
    return shifted(accuracy, distance)
