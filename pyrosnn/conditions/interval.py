"""The least mean of a score in [0, 1] under shifted Gaussian noise, given its mean and slope.

Among all functions of the noise with one mean and one slope along δ, the indicator of an interval
loses most. See `docs/concepts.md` for the derivation.
"""

from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

BISECTIONS = 60
# A margin of means in float64 is not known better.
SMALLEST_TAIL = 2.0**-53


def interval_bound(mean: Any, slope: Any, distance: Any) -> np.ndarray:
    r"""Return the least $\mathbb E\, h(z + t u)$ over all h with values in [0, 1].

    z is standard normal and u a unit vector. h has the mean $p = \mathbb E\, h(z)$ and the slope
    $s = \mathbb E\, h(z) \langle z, u \rangle$. The least value is
    $\Phi(b - t) - \Phi(a - t)$ with $\Phi(b) - \Phi(a) = p$ and $\varphi(a) - \varphi(b) = s$.

    Args:
        mean: p in (0, 1), any shape.
        slope: s; no h has $|s| > \varphi(\Phi^{-1}(p))$, and such values are clipped.
        distance: t ≥ 0, in standard deviations of the noise.

    Returns:
        The bound, of the shape that the arguments have together.

    References:
        The bound by a parabola: Däubener & Fischer 2022, theorem 4.2. Bounds from value and
        gradient in all directions: A. Levine et al. 2020; J. Mohapatra et al. 2020.

    Example:
        >>> [round(float(interval_bound(0.9, slope, 1.0)), 3) for slope in (-0.1, 0.0, 0.1)]
        [0.656, 0.736, 0.846]
    """
    mean, slope, t = np.broadcast_arrays(
        *(np.asarray(value, dtype=np.float64) for value in (mean, slope, distance))
    )
    low, high = _interval(1 - mean, slope)
    return np.asarray(ndtr(high - t) - ndtr(low - t))


def interval_radius(margins: Any, slopes: Any, variance: float) -> np.ndarray:
    r"""Return how far along δ the bound of every margin stays positive.

    Args:
        margins: $f_y - f_c$ of a classifier in [0, 1], averaged over Gaussian noise on the image.
        slopes: $\langle -\nabla (f_y - f_c), \delta / \|\delta\|_2 \rangle$, as those of
            :class:`Geometry`: positive where the margin falls.
        variance: σ² of the noise.

    Returns:
        Radii in pixel units, of the shape of the margins; 0 where the margin is not positive.

    Example:
        >>> interval_radius(np.array([0.8, 0.8, -0.1]), np.array([0.0, 0.5, 0.0]), 0.1).round(3)
        array([0.52 , 0.458, 0.   ])
    """
    margins, slopes = (np.asarray(values, dtype=np.float64) for values in (margins, slopes))
    sigma = np.sqrt(variance)
    tail = np.clip((1 - margins) / 2, SMALLEST_TAIL, 0.5)  # 1 - p, exact for margins near 1
    low, high = _interval(tail, -sigma / 2 * slopes)
    # the bound rises up to the interval's middle and then falls; at b it is below 1/2
    endless = np.isposinf(high)
    far = np.where(endless, 0.0, high)
    near = np.maximum(np.where(np.isinf(low) | endless, 0.0, (low + high) / 2), 0.0)
    for _ in range(BISECTIONS):
        t = (near + far) / 2
        holds = ndtr(low - t) + ndtr(t - high) < 0.5
        near, far = np.where(holds, t, near), np.where(holds, far, t)
    radii = np.where(endless, np.inf, sigma * near)
    return np.asarray(np.where(margins > 0, radii, 0.0))


def _interval(tail: Any, slope: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return a and b with tails Φ(a) + Φ(-b) = q and φ(a) - φ(b) = s.

    The share u of the tail that lies below a is bisected: s rises with it, from the half line
    above -Φ⁻¹(p) to the one below Φ⁻¹(p).
    """
    least, most = np.zeros_like(tail), np.ones_like(tail)
    for _ in range(BISECTIONS):
        share = (least + most) / 2
        low, high = ndtri(share * tail), -ndtri((1 - share) * tail)
        below = _density(low) - _density(high) < slope
        least, most = np.where(below, share, least), np.where(below, most, share)
    share = (least + most) / 2
    # what is clipped gets a half line
    share = np.where(least == 0, 0.0, np.where(most == 1, 1.0, share))
    return np.asarray(ndtri(share * tail)), np.asarray(-ndtri((1 - share) * tail))


def _density(x: Any) -> Any:
    return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
