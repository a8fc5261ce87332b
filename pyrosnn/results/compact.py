"""A smaller form of a result, for files that accompany a text."""

import numpy as np
import xarray as xr

from pyrosnn.results.schema import BOUNDS

# Bits of a number's fraction that are kept: a relative error of at most 2⁻¹³ = 0.00012.
FRACTION_BITS = 12
IMAGES = "shown"  # the group of pixels: only a report shows them, and they take much of the space


def compact_result(result: xr.DataTree) -> xr.DataTree:
    """Return a result with rounded numbers and without redundant variables.

    Per-image floating-point numbers become float32 with 12 bits of fraction, which compress to
    about half: a relative error of at most 0.00012 from 1.2e-38 on; what is smaller (gradients
    of a saturated softmax) loses precision, and below 1e-45 becomes 0. Bounds are rounded to
    their own side, so that they stay bounds, with a relative error of at most 0.0004. The linear
    radius, which is margin / (gradient norm · cosine) where the cosine is positive, is left out,
    and so are the images that an evaluation keeps for its report. Coordinates and values that are
    not per image stay as they are.

    Args:
        result: what a study returned.
    """
    small = result.copy()
    if IMAGES in small.children:
        del small[IMAGES]
    for name, node in small.children.items():
        values = node.dataset.drop_vars("radius", errors="ignore")
        small[name] = xr.DataTree(values.map(_round, keep_attrs=True), name=name)
    small.attrs["compact"] = f"float32 with {FRACTION_BITS} bits of fraction; no radius, no images"
    return small


def _round(values: xr.DataArray) -> xr.DataArray:
    if values.dtype.kind != "f" or "example" not in values.dims:
        return values
    numbers = values.to_numpy()
    if values.name in BOUNDS:  # by more than what rounding to nearest may take back
        numbers = numbers + BOUNDS[str(values.name)] * np.abs(numbers) * 2.0**-FRACTION_BITS
    return values.copy(data=round_fraction(numbers.astype(np.float32), FRACTION_BITS))


def round_fraction(values: np.ndarray, bits: int) -> np.ndarray:
    """Round float32 numbers to a number of fraction bits, to nearest; NaN and ∞ stay.

    Example:
        >>> round_fraction(np.array([1.0, 1.0 + 2.0**-20, np.inf], dtype=np.float32), 12)
        array([ 1.,  1., inf], dtype=float32)
    """
    dropped = 23 - bits
    words = np.ascontiguousarray(values).view(np.uint32)
    half, mask = np.uint32(1 << (dropped - 1)), np.uint32(0xFFFFFFFF ^ ((1 << dropped) - 1))
    rounded = ((words + half) & mask).view(np.float32)
    return np.where(np.isfinite(values), rounded, values)
