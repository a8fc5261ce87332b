"""The interval for a share of images: for fresh images, and for fresh sample sets, too."""

from typing import Any

import numpy as np
from scipy import stats

from pyrosnn.errors import require
from pyrosnn.statistics.confidence import require_confidence
from pyrosnn.statistics.crossed import crossed_half_widths
from pyrosnn.statistics.student import student_quantile
from pyrosnn.statistics.welch import welch_half_width


def share_interval(values: np.ndarray, *, confidence: float = 0.95) -> tuple[float, float]:
    r"""Return the interval for a share of images, for fresh images and fresh sample sets.

    A single repeat of zeros and ones has the exact interval of Clopper and Pearson. Several have
    that of Korn and Graubard: the same with $n^* \leq n$ images, as many as have the variance
    that :func:`~pyrosnn.statistics.crossed.crossed_half_widths` finds over images and repeats. An
    image never counts as more than one trial, so that the interval has a width at 0 and at 1, too,
    and values between 0 and 1, such as estimated probabilities, are covered.

    The interval holds Student's interval over repeats, for fresh sample sets alone. With one repeat
    it holds for these sample sets.

    Args:
        values: values in [0, 1], shape (example,) or (repeat, example); NaN where an image does
            not count. The share is the mean over repeats of their means over images.
        confidence: confidence 1 - α.

    Returns:
        The lower and the upper bound; NaN where no image counts.

    Raises:
        ArgumentError: for a confidence out of (0, 1), and values out of [0, 1].

    References:
        Clopper and Pearson (1934); Korn and Graubard (1998).

    Example:
        >>> low, high = share_interval(np.array([1.0, 1.0, 0.0, 1.0]))
        >>> round(low, 3), round(high, 3)
        (0.194, 0.994)
        >>> low, high = share_interval(np.ones((3, 50)))
        >>> round(low, 3), high
        (0.929, 1.0)
    """
    require_confidence(confidence)
    values = np.atleast_2d(np.asarray(values, dtype="float64"))
    counted = ~np.isnan(values)
    require(
        bool(((values >= 0) & (values <= 1))[counted].all()),
        "values of a share must be between 0 and 1",
    )
    kept = counted.any(axis=1)
    values, counted = values[kept], counted[kept]
    if not kept.any():
        return float("nan"), float("nan")
    numbers = counted.sum(axis=1, keepdims=True)
    mean = float((np.where(counted, values, 0).sum(axis=1, keepdims=True) / numbers).mean())
    images = values.shape[1]
    halves: tuple[Any, Any] = (np.nan, np.nan)
    if images > 1:
        # their mean over all images is that of the values that count
        deviations = np.where(counted, values - mean, 0) * (images / numbers)
        halves = crossed_half_widths(deviations, confidence=confidence)
    return _interval(mean, float(numbers.mean()), halves, confidence)


def share_interval_of_means(
    means: np.ndarray, images: int, *, confidence: float = 0.95
) -> tuple[float, float]:
    """Return the interval for a share of which the means over images alone are known.

    It is that of :func:`share_interval` where each image has the same answer in all repeats, and
    too wide where they differ.

    Args:
        means: the share of each repeat, shape (repeat,).
        images: number of images behind each.
        confidence: confidence 1 - α.

    Returns:
        The lower and the upper bound.

    Raises:
        ArgumentError: for a confidence out of (0, 1), no image, and shares out of [0, 1].

    Example:
        >>> low, high = share_interval_of_means(np.array([0.5, 0.52]), 1000)
        >>> round(low, 2), round(high, 2)
        (0.38, 0.64)
    """
    require_confidence(confidence)
    require(images >= 1, f"a share needs at least 1 image, got {images}")
    means = np.asarray(means, dtype="float64")
    require(bool(((means >= 0) & (means <= 1)).all()), "shares must be between 0 and 1")
    mean, repeats = float(means.mean()), len(means)
    halves: tuple[Any, Any] = (np.nan, np.nan)
    if repeats > 1 and images > 1:
        noise = means.var(ddof=1) / repeats
        parts = [np.asarray(mean * (1 - mean) / (images - 1)), np.asarray(noise)]
        over_samples = welch_half_width(parts[1:], [repeats - 1], confidence)
        over_both = welch_half_width(parts, [images - 1, repeats - 1], confidence)
        halves = (over_samples, np.fmax(over_samples, over_both))
    return _interval(mean, float(images), halves, confidence)


def _interval(
    mean: float, images: float, halves: tuple[Any, Any], confidence: float
) -> tuple[float, float]:
    """Return the exact interval of as many images as explain half a width, and no more.

    The halves are those over samples and over images.
    """
    number, (over_samples, over_images) = images, map(float, halves)
    if over_images > 0 and images > 1:  # not so for NaN
        exact = student_quantile(confidence, images - 1) ** 2 * mean * (1 - mean) / (images - 1)
        number = min(images, images * float(exact) / over_images**2)
    low, high = _clopper_pearson(mean, number, confidence)
    if over_samples > 0:
        low, high = min(low, mean - over_samples), max(high, mean + over_samples)
    return max(low, 0.0), min(high, 1.0)


def _clopper_pearson(mean: float, number: float, confidence: float) -> tuple[float, float]:
    """Return the interval of Clopper and Pearson, whose count need not be an integer."""
    alpha = 1 - confidence
    right, wrong = number * mean, number * (1 - mean)
    low = 0.0 if right <= 0 else float(stats.beta.ppf(alpha / 2, right, wrong + 1))
    high = 1.0 if wrong <= 0 else float(stats.beta.ppf(1 - alpha / 2, right + 1, wrong))
    return low, high
