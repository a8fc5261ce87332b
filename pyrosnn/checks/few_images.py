"""`few-images`: there are enough images for an accuracy to say something of others."""

import numpy as np
import xarray as xr

from pyrosnn.checks.finding import Finding, skipped
from pyrosnn.statistics import share_interval

NAME = "few-images"
FEW = 20  # the interval of an accuracy of fewer may be wider than 40 points
ENOUGH = 100  # that of so many is 20 points wide at most


def few_images(result: xr.DataTree) -> Finding:
    """Warn where the accuracy of so few images says little of others.

    Args:
        result: a result with images in the group ``evaluation`` or ``standard``.

    Returns:
        The finding; its value is the number of images.
    """
    groups = [
        result[name].dataset for name in ("evaluation", "standard") if name in result.children
    ]
    sizes = [values.sizes["example"] for values in groups if "example" in values.sizes]
    if not sizes:
        return skipped(NAME, "needs images, which this result does not have")
    number = max(sizes)
    images = "1 image" if number == 1 else f"{number:,} images"
    text = f"the 95 % interval of an accuracy of {images} is up to {widest(number):.0f} points wide"
    if number >= FEW:
        return Finding(name=NAME, status="pass", value=float(number), message=text)
    return Finding(
        name=NAME,
        status="warn",
        value=float(number),
        message=f"{text}: take {ENOUGH} or more",
        reason=f"has {images}",
    )


def widest(number: int) -> float:
    """Return how wide the 95 % interval of a share of images may be, in points.

    Args:
        number: number of images.

    Example:
        >>> [round(widest(number)) for number in (1, 20, 100)]
        [98, 46, 20]
    """
    low, high = share_interval(np.arange(number) % 2.0)
    return 100 * (high - low)
