"""Bounds of pixels: two numbers, and the images that have to lie between them."""

import numbers
from typing import Any

from torch import Tensor

from pyrosnn.errors import ArgumentError, brief, require

Bounds = tuple[float, float]

BYTE = 255  # the largest pixel of most picture files


def check_bounds(name: str, bounds: Any) -> Bounds:
    """Return bounds as two floats.

    Args:
        name: what they are called, for errors.
        bounds: the value given.

    Raises:
        ArgumentError: for anything but two numbers in order.

    Example:
        >>> check_bounds("clip", [0, 1])
        (0.0, 1.0)
    """
    pair = isinstance(bounds, list | tuple) and len(bounds) == 2
    require(
        pair and all(isinstance(one, numbers.Real) for one in bounds),
        f"{name} must be two numbers (low, high) for all pixels, got {brief(bounds)}; to have "
        "bounds for each channel, standardise within the model, and attack its pixels before that",
    )
    low, high = map(float, bounds)
    require(low < high, f"{name} must be (low, high) with low < high, got {(low, high)}")
    return low, high


def require_within(x: Tensor, bounds: Bounds, name: str) -> None:
    """Refuse images with pixels outside of bounds.

    Args:
        x: images, shape (example, *image).
        bounds: smallest and largest pixel, in the images' precision.
        name: what the bounds are called, for errors.

    Raises:
        ArgumentError: naming the images.
    """
    low, high = x.aminmax()
    if bool((low >= bounds[0]) & (high <= bounds[1])):  # compared in the images' precision
        return
    outside = (x.clamp(*bounds) != x).flatten(1).any(1)
    indices = outside.nonzero().flatten().tolist()
    bytes_given = bounds == (0.0, 1.0) and 0 <= float(low) and 2 < float(high) <= BYTE
    step = "divide them by 255, or " if bytes_given else ""
    raise ArgumentError(
        f"{name} is {bounds}, but {len(indices)} of {len(x)} images have pixels outside (first at "
        f"index {indices[0]}; pixels go from {float(low):.4g} to {float(high):.4g}); {step}"
        "give the bounds of these pixels, or the images before they were standardised"
    )
