"""Intervals for a mean over images and repeats, where a repeat shares its random numbers."""

import numpy as np

from pyrosnn.errors import require
from pyrosnn.statistics.arguments import of_numbers
from pyrosnn.statistics.confidence import require_confidence
from pyrosnn.statistics.welch import welch_half_width

# Equal means of shares differ by less.
ROUNDING = 1e-12


@of_numbers
def crossed_half_widths(
    first: np.ndarray, second: np.ndarray | None = None, *, confidence: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    r"""Return half the widths of two intervals for a mean, or for the difference of two.

    Images are drawn at random, and each repeat has fresh sample sets, which its images share. What
    a draw of the sample sets changes is seen between repeats, not between images. With R repeats
    of n images:

    - **samples**: for *these* images under fresh sample sets. Student's (of a difference Welch's)
      t over the means of the repeats, with the variance $v = s^2 / R$, or
      $v = s_1^2 / R_1 + s_2^2 / R_2$;
    - **images**: for *fresh images* under fresh sample sets. The variance between images (of their
      means over repeats), less what the repeats explain of it, over n, is added to v. Degrees
      of freedom are Satterthwaite's. The result is never narrower than the interval for samples,
      whose degrees of freedom may be far fewer.

    Args:
        first: values, shape (..., repeat, example); R may be 1.
        second: values to subtract, of the same images; its repeats may be more or fewer.
        confidence: confidence 1 - α.

    Returns:
        Half the widths over samples and over images, shape (...). With a single repeat the first
        is NaN, and the second holds for these sample sets only. NaN, too, where nothing varies.

    Raises:
        ArgumentError: for a confidence out of (0, 1), or fewer than two images.

    References:
        Welch (1947); Satterthwaite (1946).

    Example:
        >>> values = np.array([[1.0, 1.0, 0.0, 1.0], [1.0, 0.0, 0.0, 1.0]])
        >>> [round(float(half), 2) for half in crossed_half_widths(values)]
        [1.59, 1.59]
    """
    require_confidence(confidence)
    number = first.shape[-1]
    require(number >= 2, f"an interval over images needs at least 2, got {number}")
    parts = [first] if second is None else [first, second]
    repeats = [values.shape[-2] for values in parts]
    signs = (1.0, -1.0)
    per_image = sum(s * v.mean(-2) for s, v in zip(signs, parts, strict=False))
    between = np.var(per_image, axis=-1, ddof=1)
    if min(repeats) == 1:
        over_images = welch_half_width([between / number], [number - 1], confidence)
        return np.asarray(np.full_like(over_images, np.nan)), over_images
    counted = list(zip(parts, repeats, strict=True))
    noise = [_above_rounding(values.mean(-1).var(-1, ddof=1)) / size for values, size in counted]
    within = sum(values.var(-2, ddof=1).mean(-1) / size for values, size in counted)
    degrees = [size - 1 for size in repeats]
    true = np.clip(between - within, 0, None) / number
    over_samples = welch_half_width(noise, degrees, confidence)
    over_images = welch_half_width([true, *noise], [number - 1, *degrees], confidence)
    return over_samples, np.asarray(np.fmax(over_samples, over_images))


def _above_rounding(variance: np.ndarray | np.float64) -> np.ndarray:
    """Return variances of means of shares, 0 where equal means differ by rounding alone."""
    return np.where(variance < ROUNDING**2, 0.0, variance)
