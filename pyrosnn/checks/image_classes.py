"""`image-classes`: the images are of all classes."""

from math import comb

import numpy as np
import xarray as xr

from pyrosnn.checks.finding import Finding, skipped
from pyrosnn.results import read_provenance

NAME = "image-classes"
# Images that are chosen at random miss so many classes less often.
RARE = 1e-3


def image_classes(result: xr.DataTree) -> Finding:
    """Fail where classes are missing among the images, which chance would not leave out.

    Data that are sorted by class have one class in their first images. The accuracy is then one of
    these classes, and its interval for fresh images is, too.

    Args:
        result: a result with labels in the group ``evaluation`` or ``standard``.

    Returns:
        The finding; its value is the number of classes that are missing.
    """
    number = read_provenance(result).get("num_classes")
    if not isinstance(number, int) or number < 2:
        return skipped(NAME, "needs the number of classes, which this result does not have")
    groups = [
        result[name].dataset for name in ("evaluation", "standard") if name in result.children
    ]
    labels = next((values["label"].values for values in groups if "label" in values), None)
    if labels is None:
        return skipped(NAME, "needs the labels, which this result does not have")
    missing = missing_classes(labels, number)
    if not missing:
        text = "no class is missing that chance would not leave out"
        return Finding(name=NAME, status="pass", value=0.0, message=text)
    return Finding(
        name=NAME, status="fail", value=float(missing), message=missing_words(labels, number)
    )


def missing_classes(labels: np.ndarray, number: int) -> int:
    """Return how many classes are missing, and 0 if chance may leave out as many.

    Of n images with classes that are equally likely, at most k of K classes are there with a
    probability of at most C(K, k) (k / K)^n.

    Args:
        labels: labels, shape (example,).
        number: number of classes, K.

    Example:
        >>> missing_classes(np.zeros(20), 5), missing_classes(np.arange(3), 5)
        (4, 0)
    """
    present = len(np.unique(labels))
    chance = comb(number, present) * (present / number) ** labels.size
    return number - present if present < number and chance < RARE else 0


def missing_words(labels: np.ndarray, number: int) -> str:
    """Say which classes the images are of, and what to do about it.

    Args:
        labels: labels, shape (example,).
        number: number of classes.
    """
    present = sorted({int(label) for label in labels.ravel()})
    shown = ", ".join(map(str, present[:5])) + (", …" if len(present) > 5 else "")
    return (
        f"the {labels.size} images are of {len(present)} of {number} classes (label {shown}), as "
        "in data that are sorted by class: mix the data, or choose images with --indices"
    )
