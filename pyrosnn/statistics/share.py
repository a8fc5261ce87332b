"""The interval for a share of images: for fresh images, and for fresh sample sets, too."""

import numpy as np
from scipy import stats

from pyrosnn.errors import require
from pyrosnn.statistics.arguments import of_numbers
from pyrosnn.statistics.confidence import require_confidence
from pyrosnn.statistics.student import student_half_width, student_quantile


@of_numbers
def share_interval(values: np.ndarray, *, confidence: float = 0.95) -> tuple[float, float]:
    r"""Return the interval for a share of images, for fresh images and fresh sample sets.

    Two intervals are joined, each end for itself (MOVER): its distance from the share is
    $\sqrt{d_n^2 + d_R^2}$.

    - $d_n$, over n images, is that of the exact interval of Clopper and Pearson, where an image is
      one trial, whatever the number of repeats. Its width is never 0.
    - $d_R$, over R repeats, is half the width of Student's interval for their means, the interval
      for fresh sample sets alone. It is held to $z \sqrt{w / R}$, with w the mean over images of
      their variance over repeats: means vary at most as much as what they are means of.

    So the interval is never narrower than either. With one repeat $d_R$ is unknown, and it holds
    for these sample sets.

    Args:
        values: values in [0, 1], shape (example,) or (repeat, example); NaN where an image does
            not count. The share is the mean over repeats of their means over images.
        confidence: confidence 1 - α.

    Returns:
        The lower and the upper bound; NaN where no image counts.

    Raises:
        ArgumentError: for a confidence out of (0, 1), and values out of [0, 1].

    References:
        Clopper and Pearson (1934); Student (1908); Zou and Donner (2008), who join intervals.

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
    if not kept.any():
        return float("nan"), float("nan")
    values, counted = values[kept], counted[kept]
    numbers = counted.sum(axis=1)
    means = np.where(counted, values, 0.0).sum(axis=1) / numbers
    return _joined(means, float(numbers.mean()), _over_repeats(values, counted), confidence)


@of_numbers
def share_interval_of_means(
    means: np.ndarray, images: int, *, confidence: float = 0.95
) -> tuple[float, float]:
    """Return the interval for a share of which the means over images alone are known.

    It is that of :func:`share_interval`, but how single images vary over repeats is not known.

    Args:
        means: the share of each repeat, shape (repeat,).
        images: number of images behind each.
        confidence: confidence 1 - α.

    Returns:
        The lower and the upper bound.

    Raises:
        ArgumentError: for a confidence out of (0, 1), no image, and shares out of [0, 1].

    Example:
        >>> low, high = share_interval_of_means(np.array([0.5, 0.52, 0.51]), 1000)
        >>> round(low, 2), round(high, 2)
        (0.47, 0.55)
    """
    require_confidence(confidence)
    require(images >= 1, f"a share needs at least 1 image, got {images}")
    means = np.asarray(means, dtype="float64")
    require(bool(((means >= 0) & (means <= 1)).all()), "shares must be between 0 and 1")
    share, repeats = float(means.mean()), len(means)
    most = share * (1 - share) * repeats / max(repeats - 1, 1)  # of zeros and ones
    return _joined(means, float(images), most, confidence)


def _over_repeats(values: np.ndarray, counted: np.ndarray) -> float:
    """Return the mean over images of their variance over repeats, those that count in several."""
    number = counted.sum(axis=0)
    sums = np.where(counted, values, 0.0).sum(axis=0)
    several = number > 1
    if not several.any():
        return float("inf")
    deviations = np.where(counted, values - sums / np.maximum(number, 1), 0.0)
    variances = (deviations**2).sum(axis=0)[several] / (number[several] - 1)
    return float(variances.mean())


def _joined(
    means: np.ndarray, images: float, variance: float, confidence: float
) -> tuple[float, float]:
    """Return the interval over images joined with that over repeats.

    Args:
        means: the share of each repeat.
        images: number of images.
        variance: at most the variance of a repeat's mean.
        confidence: confidence of the interval.
    """
    share, repeats = float(means.mean()), len(means)
    low, high = _clopper_pearson(share, images, confidence)
    half = 0.0
    if repeats > 1 and means.std(ddof=1) > 0:
        most = float(student_quantile(confidence, np.inf)) * (variance / repeats) ** 0.5
        half = min(float(student_half_width(means.std(ddof=1), repeats, confidence)), most)
    below, above = np.hypot([share - low, high - share], half)
    return max(share - float(below), 0.0), min(share + float(above), 1.0)


def _clopper_pearson(share: float, number: float, confidence: float) -> tuple[float, float]:
    """Return the interval of Clopper and Pearson, whose count need not be an integer."""
    alpha = 1 - confidence
    right, wrong = number * share, number * (1 - share)
    low = 0.0 if right <= 0 else float(stats.beta.ppf(alpha / 2, right, wrong + 1))
    high = 1.0 if wrong <= 0 else float(stats.beta.ppf(1 - alpha / 2, right + 1, wrong))
    return low, high
