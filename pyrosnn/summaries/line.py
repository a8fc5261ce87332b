"""The straight line that the inverse of a squared cosine follows against 1 / S_A."""

from collections.abc import Sequence

import numpy as np

# One image follows the line in 1 / S_A; the mean over images rises more slowly.
EXPONENTS = tuple(np.linspace(0.5, 1.0, 26))


def least_squares(
    sizes: np.ndarray,
    cosines: np.ndarray,
    *,
    power: float,
    exponents: Sequence[float] = (1.0,),
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Fit $1/\cos^2 = i + s S_A^{-p}$, by weighted least squares.

    Args:
        sizes: S_A, at least two.
        cosines: mean cosines, positive, shape (…, size).
        power: squared errors of $1/\cos^2$ weigh $\cos^k$: with k = 6 equal errors of the cosines
            count alike, with 4 equal relative errors, which gives small sizes more to say.
        exponents: p's to choose from. One image has p = 1; images differ in B, and the mean over
            them rises more slowly.

    Returns:
        i, s >= 0 (without noise it is 0 up to rounding, of either sign) and p, of the best fit.
    """
    inverse = cosines[..., None, :] ** -2.0
    noise = sizes ** -np.asarray(exponents)[:, None]  # (exponent, size)
    weights = cosines[..., None, :] ** power
    weights = weights / weights.sum(-1, keepdims=True)
    centre = (weights * noise).sum(-1)  # (…, exponent)
    apart = noise - centre[..., None]
    slope = (weights * apart * inverse).sum(-1) / (weights * apart**2).sum(-1)
    slope = np.maximum(slope, 0.0)
    intercept = (weights * inverse).sum(-1) - slope * centre
    fitted = intercept[..., None] + slope[..., None] * noise
    best = (weights * (fitted - inverse) ** 2).sum(-1).argmin(-1)[..., None]
    i, s = (np.take_along_axis(value, best, -1)[..., 0] for value in (intercept, slope))
    return np.asarray(i), np.asarray(s), np.asarray(np.asarray(exponents)[best[..., 0]])
