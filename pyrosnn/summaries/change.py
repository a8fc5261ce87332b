"""Mean changes between two models on the same images, with their intervals."""

from collections.abc import Callable

import numpy as np
import xarray as xr

from pyrosnn.statistics import change_interval

# A change of each image, shape (first repeat, second repeat, example), of a model's values each.
Change = Callable[[np.ndarray, np.ndarray], np.ndarray]


def with_interval(
    changes: np.ndarray, confidence: float, *, most: float = 1.0
) -> tuple[float, float, float]:
    """Return a mean change and its interval.

    Args:
        changes: the change of each image, shape (first repeat, second repeat, example).
        confidence: confidence of the interval.
        most: the largest change of an image that is possible.
    """
    return float(changes.mean()), *change_interval(changes, confidence=confidence, most=most)


def mean_change(first: xr.DataArray, second: xr.DataArray, *, confidence: float) -> xr.Dataset:
    """Return the means of two models over images and repeats, and their change.

    Args:
        first: values in [0, 1] of every image, dimensions ``repeat``, ``example`` and any others.
        second: those of the other model for the same images; the repeats may be more or fewer.
        confidence: confidence of the interval.

    Returns:
        ``first``, ``second``, and ``change``, second minus first, with ``change_low`` and
        ``change_high``; without ``repeat`` and ``example``.
    """
    one, other = (values.transpose(..., "repeat", "example") for values in (first, second))
    others = one.dims[:-2]
    shape = [one.sizes[dim] for dim in others]
    found = np.zeros((3, *shape))
    for place in np.ndindex(*shape):
        changes = other.values[place][None] - one.values[place][:, None]
        found[(slice(None), *place)] = with_interval(changes, confidence)
    means = [values.mean(["repeat", "example"]) for values in (one, other)]
    change, low, high = (means[0].copy(data=values) for values in found)
    names = ("first", "second", "change", "change_low", "change_high")
    return xr.Dataset(dict(zip(names, [*means, change, low, high], strict=True)))
