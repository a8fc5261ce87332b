"""The interval of highest density: the narrowest one that holds a share of some values."""

import numpy as np

from pyrosnn.statistics.arguments import of_numbers


@of_numbers
def highest_density(values: np.ndarray, share: float) -> tuple[float, float]:
    """Return the narrowest interval between two values that holds a share of all.

    It is ArviZ's ``hdi`` of one mode.

    Args:
        values: numbers, of any shape; NaN are left out.
        share: share of the values, in (0, 1).

    Returns:
        Its ends; NaN where there are no values.

    Example:
        >>> highest_density(np.array([1.0, 5.0, 2.0, 2.5, np.nan, 9.0]), 0.5)
        (1.0, 2.5)
    """
    known = np.sort(values[~np.isnan(values)].astype(float))
    if len(known) == 0:
        return float("nan"), float("nan")
    number = int(np.floor(share * len(known)))
    widths = known[number:] - known[: len(known) - number]
    first = int(np.argmin(widths))
    return float(known[first]), float(known[first + number])
