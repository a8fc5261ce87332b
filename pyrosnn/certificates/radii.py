"""Radii from bounds of means and probabilities under Gaussian noise.

A function with values in [0, 1] and mean p under N(0, σ² I) has a mean of at least
Φ(Φ⁻¹(p) - t) once its input is shifted by t σ, whatever the direction.
"""

from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri


def shifted(lower: Any, distance: Any) -> np.ndarray:
    r"""Return the least mean $\Phi(\Phi^{-1}(p) - t)$ after a shift.

    Args:
        lower: p, or a lower bound of it, any shape.
        distance: t ≥ 0 in standard deviations of the noise, of a shape that fits.

    References:
        Cohen, Rosenfeld and Kolter (2019); Salman et al. (2019), lemma 2.

    Example:
        >>> shifted(np.array([0.5, 0.9]), 1.0).round(3)
        array([0.159, 0.611])
    """
    return np.asarray(ndtr(ndtri(lower) - distance))


def one_sided(lower: Any) -> np.ndarray:
    r"""Return $\Phi^{-1}(p)$: the distance up to which the mean stays above 1/2.

    Args:
        lower: p of the class, or a lower bound of it.

    Returns:
        Distances in σ; negative where p is below 1/2.

    Example:
        >>> one_sided(np.array([0.6, 0.9])).round(3)
        array([0.253, 1.282])
    """
    return np.asarray(ndtri(lower))


def two_sided(lower: Any, upper: Any) -> np.ndarray:
    r"""Return $(\Phi^{-1}(p_y) - \Phi^{-1}(p_c)) / 2$: where class c may overtake y.

    Args:
        lower: lower bound of the mean of class y.
        upper: upper bound of that of class c.

    Example:
        >>> two_sided(np.array([0.6, 0.4]), 0.1).round(3)
        array([0.767, 0.514])
    """
    return np.asarray((ndtri(lower) - ndtri(upper)) / 2)


def pairwise(margin: Any) -> np.ndarray:
    r"""Return $\Phi^{-1}((1 + m) / 2)$: where the mean of $f_y - f_c$ may become 0.

    Args:
        margin: lower bound m of that mean, in [-1, 1].

    Example:
        >>> pairwise(np.array([0.5, 0.85])).round(3)
        array([0.674, 1.44 ])
    """
    return np.asarray(ndtri((1 + np.asarray(margin)) / 2))


def farthest(holds: Any, shape: tuple[int, ...], *, most: float = 10.0) -> np.ndarray:
    """Return the distances at which conditions that fail beyond some distance begin to fail.

    Args:
        holds: a function from distances to booleans of the same shape.
        shape: of the distances.
        most: distance at which every condition has failed.

    Returns:
        Distances at which the conditions still hold; NaN where they do not even hold at 0.

    Example:
        >>> farthest(lambda t: t < np.array([2.0, 0.5]), (2,)).round(3)
        array([2. , 0.5])
    """
    near, far = np.zeros(shape), np.full(shape, most)
    known = holds(near)
    for _ in range(50):
        middle = (near + far) / 2
        held = holds(middle)
        near, far = np.where(held, middle, near), np.where(held, far, middle)
    return np.asarray(np.where(known, near, np.nan))
