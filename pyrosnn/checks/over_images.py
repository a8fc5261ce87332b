"""Paired comparisons over the images of a result of the standard protocol."""

import numpy as np
import xarray as xr

from pyrosnn.checks.differences import significantly_positive


def by_image(values: xr.DataArray) -> xr.DataArray:
    """Return numbers of each image, averaged over repeats: example, then the other dims."""
    numbers = values.astype(float)
    averaged = numbers.mean("repeat") if "repeat" in numbers.dims else numbers
    return averaged.transpose("example", ...)


def exceeds(differences: xr.DataArray, limit: float = 0.0) -> np.ndarray:
    """Return where the mean over images is above a limit, significantly.

    Student's t over images, one-sided, at a failure rate of 1 % that the threats share. The
    standard deviation is at least that of one image in all that differs.

    Args:
        differences: shape (example, threat).
        limit: what the mean is compared with.

    Returns:
        Booleans, shape (threat,).
    """
    images, threats = differences.shape
    return significantly_positive(
        differences.values - limit, grain=2 / np.sqrt(images), comparisons=threats
    )
