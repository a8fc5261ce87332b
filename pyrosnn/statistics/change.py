"""The interval for a mean change between two models, on the same images."""

import numpy as np

from pyrosnn.statistics.arguments import of_numbers
from pyrosnn.statistics.crossed import crossed_half_widths


@of_numbers
def change_interval(
    changes: np.ndarray, *, confidence: float = 0.95, most: float = 1.0
) -> tuple[float, float]:
    r"""Return the interval for a mean change, for fresh images and fresh sample sets.

    The models' sample sets are independent, and so each repeat of the first is paired with each of
    the second. The mean over all pairs varies with the repeats of the first as its means over those
    of the second do, and the other way round (a statistic of two samples, to first order). With
    these means it is the interval over **images** of
    :func:`~pyrosnn.statistics.crossed.crossed_half_widths`, and with a single repeat of either
    model it holds for these sample sets only.

    Two images are added, with the largest changes that are possible, 1 and -1. Without them the
    interval is too narrow where few images change, and has no width where none does: a sample of n
    images without a change says that at most some 3 / n of all images change.

    Args:
        changes: the change of each image, shape (first repeat, second repeat, example).
        confidence: confidence 1 - α.
        most: the largest change of an image that is possible.

    Returns:
        The lower and the upper bound, within ± ``most``; NaN for a change that is NaN.

    Raises:
        ArgumentError: for a confidence out of (0, 1).

    References:
        Bonett and Price (2012), who add the two to a difference of paired shares; Hoeffding (1948).

    Example:
        >>> low, high = change_interval(np.zeros((1, 1, 100)))
        >>> round(low, 3), round(high, 3)
        (-0.028, 0.028)
    """
    changes = np.asarray(changes, dtype="float64")
    mean = changes.mean((0, 1))
    first = np.concatenate([changes.mean(1), _made_up(changes.shape[0], most)], 1)
    # of no mean: what the pairs with one repeat of the second change
    second = np.concatenate([mean - changes.mean(0), _made_up(changes.shape[1], 0.0)], 1)
    centre = mean.sum() / (len(mean) + 2)
    _, half = crossed_half_widths(first, second, confidence=confidence)
    low, high = np.clip([centre - half, centre + half], -most, most).tolist()
    return low, high


def _made_up(repeats: int, most: float) -> np.ndarray:
    """Return the changes of two images: one that the second model alone withstands, and one not."""
    return np.tile([most, -most], (repeats, 1))
