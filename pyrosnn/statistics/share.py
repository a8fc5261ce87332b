"""The interval for a share of images whose values lie between 0 and 1."""

import math

import numpy as np

from pyrosnn.errors import require
from pyrosnn.statistics.binomial import clopper_pearson


def share_interval(values: np.ndarray, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Clopper-Pearson interval for the mean of an image's value.

    Values of 0 and 1 give the exact interval. Other values in [0, 1], such as means over repeats,
    vary at most as much as 0 and 1 with the same mean do. Their sum is rounded down for the lower
    bound and up for the upper one, so that the interval is wide enough for large numbers.

    Args:
        values: a value of each image in [0, 1], shape (example,), at least one.
        confidence: confidence 1 - α.

    Returns:
        The lower and the upper bound.

    Raises:
        ArgumentError: for a confidence out of (0, 1), no values, or values out of [0, 1].

    Example:
        >>> low, high = share_interval(np.array([1.0, 1.0, 0.0, 1.0]))
        >>> round(low, 3), round(high, 3)
        (0.194, 0.994)
    """
    values = np.asarray(values, dtype="float64")
    require(
        bool(((values >= 0) & (values <= 1)).all()),
        "values of a share must be between 0 and 1",
    )
    total = float(values.sum())
    nearest = round(total)
    exact = math.isclose(total, nearest, abs_tol=1e-9)
    down, up = (nearest, nearest) if exact else (math.floor(total), math.ceil(total))
    low, high = clopper_pearson(np.array([down, up]), len(values), confidence=confidence)
    return float(low[0]), float(high[1])
