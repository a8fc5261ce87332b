"""Student's t: intervals and p-values for the mean of independent, roughly normal values."""

from typing import Any, Literal

import numpy as np
from scipy import stats

from pyrosnn.statistics.arguments import of_numbers
from pyrosnn.statistics.confidence import require_confidence


@of_numbers
def student_quantile(confidence: float, degrees: Any) -> Any:
    r"""Return $t_{\nu,\, 1 - \alpha/2}$: the half width of an interval in standard errors.

    Args:
        confidence: confidence 1 - α of the two-sided interval.
        degrees: degrees of freedom ν, a number or an array of any shape; need not be integers.

    Returns:
        Quantiles of the shape of ``degrees``; NaN where there are no degrees of freedom.

    Raises:
        ArgumentError: for a confidence out of (0, 1).

    References:
        Student (1908).

    Example:
        >>> round(float(student_quantile(0.95, 4)), 3)
        2.776
    """
    require_confidence(confidence)
    return stats.t.ppf(0.5 + confidence / 2, degrees)


@of_numbers
def student_half_width(sd: Any, number: int, confidence: float = 0.95) -> np.ndarray:
    r"""Return half the width of the interval for a mean, $t_{n-1,\, 1 - \alpha/2}\, s / \sqrt n$.

    Args:
        sd: standard deviations s of the values, with n - 1 in the denominator; any shape.
        number: number of independent values n behind each mean.
        confidence: confidence 1 - α.

    Returns:
        Half widths of the shape of ``sd``. They are NaN where nothing is known of the spread:
        for a single value, and where all values are equal.

    Raises:
        ArgumentError: for a confidence out of (0, 1).

    References:
        Student (1908).

    Example:
        >>> values = np.array([4.9, 5.1, 5.3, 4.7])
        >>> round(float(student_half_width(values.std(ddof=1), 4)), 3)
        0.411
        >>> student_half_width(np.array([1.0, 0.0]), 4).round(2).tolist()
        [1.59, nan]
    """
    return np.asarray(student_quantile(confidence, number - 1) * _positive(sd) / np.sqrt(number))


@of_numbers
def student_p_value(
    mean: Any,
    sd: Any,
    number: int,
    *,
    alternative: Literal["two-sided", "greater"] = "two-sided",
) -> np.ndarray:
    r"""Test whether a mean differs from 0, or exceeds it, with $t = \sqrt n\, \bar d / s$.

    Of differences between pairs this is the paired t test.

    Args:
        mean: means of the values, any shape.
        sd: their standard deviations, with n - 1 in the denominator; the same shape.
        number: number of independent values n behind each mean.
        alternative: ``two-sided``, or ``greater`` for a mean above 0.

    Returns:
        p-values of the shape of ``mean``; NaN for a single value, and where all are equal.

    References:
        Student (1908).

    Example:
        >>> differences = np.array([0.10, 0.12, 0.11])
        >>> p = student_p_value(differences.mean(), differences.std(ddof=1), 3)
        >>> round(float(p), 4)
        0.0027
    """
    t = mean / (_positive(sd) / np.sqrt(number))
    if alternative == "greater":
        return np.asarray(stats.t.sf(t, number - 1))
    return np.asarray(2 * stats.t.sf(np.abs(t), number - 1))


def _positive(sd: Any) -> np.ndarray:
    sd = np.asarray(sd)
    return np.where(sd > 0, sd, np.nan)
