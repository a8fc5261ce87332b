"""Welch's interval: for a sum of means whose variances are estimated apart."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pyrosnn.statistics.arguments import of_numbers
from pyrosnn.statistics.student import student_quantile


@of_numbers
def welch_half_width(
    variances: Sequence[Any], degrees: Sequence[int], confidence: float = 0.95
) -> np.ndarray:
    r"""Return half the width of an interval whose variance is a sum of estimated ones.

    With $v = \sum_k v_k$ it is $t_{\nu,\, 1 - \alpha/2} \sqrt v$, where the degrees of freedom are
    Satterthwaite's, $\nu = v^2 / \sum_k (v_k^2 / \nu_k)$. For the difference of two means $v_k$
    is $s_k^2 / n_k$ with $\nu_k = n_k - 1$.

    Args:
        variances: the $v_k$: arrays of one shape.
        degrees: the $\nu_k$, one for each of them.
        confidence: confidence 1 - α.

    Returns:
        Half widths of the shape of each variance; NaN where all of them are 0.

    Raises:
        ArgumentError: for a confidence out of (0, 1).

    References:
        Welch (1947); Satterthwaite (1946).

    Example:
        >>> first, second = np.array([1.0, 2.0, 3.0]), np.array([1.0, 5.0])
        >>> parts = [values.var(ddof=1) / len(values) for values in (first, second)]
        >>> round(float(welch_half_width(parts, [2, 1])), 2)
        18.91
    """
    total = sum(variances[1:], np.asarray(variances[0]))
    spread = sum(
        (variance**2 / degree for variance, degree in zip(variances, degrees, strict=True)),
        np.zeros_like(total),
    )
    known = np.where(spread > 0, spread, np.nan)
    return np.asarray(total**0.5 * student_quantile(confidence, total**2 / known))
