"""`strength-range`: strengths are in the unit of the pixels."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import xarray as xr

from pyrosnn.checks.finding import Finding, skipped
from pyrosnn.results import GROUP, read_provenance, read_spec
from pyrosnn.results.threats import threat_name

NAME = "strength-range"
# Shares of the distance between the extreme images. Below, no paper has a strength: 0.5 / 255 in
# linf and 0.5 in l2 on ImageNet are 0.002 and 0.0013; in l1 few pixels are enough.
SMALLEST = {"linf": 5e-4, "l2": 1e-3, "l1": 1e-5}
# From here on the grey image is within reach of every image, and no classifier withstands.
GREY = 0.5


def strength_range(result: xr.DataTree) -> Finding:
    """Compare the strengths with the distance of the darkest and the brightest image.

    A strength of 8 / 255 on pixels up to 255 moves nothing, one of 8 on pixels up to 1 anything.
    It fails where all strengths above 0 in a norm are too small, or all too large. For a result
    that does not say how many pixels an image has, the range of one pixel is the distance.

    Args:
        result: a result with the group ``evaluation`` or ``standard``.

    Returns:
        The finding; its value is the share of the distance that fails, and 0 if none does.
    """
    spec, made = read_spec(result), read_provenance(result)
    low, high = _bounds(made)
    if spec.get("minimises_norm"):
        return skipped(NAME, "needs an attack that is bound by its strength, has another")
    if not low < high:
        return skipped(NAME, "needs the bounds of the pixels, which this result does not have")
    by_norm = _strengths(result, spec)
    if not any(by_norm.values()):
        return skipped(NAME, "needs a strength above 0 and its norm, has none")
    found = [_judged(norm, etas, high - low, made) for norm, etas in by_norm.items()]
    wrong = [one for one in found if one is not None]
    if not wrong:
        text = f"strengths are in the unit of the pixels, {low:g} … {high:g}"
        return Finding(name=NAME, status="pass", value=0.0, message=text)
    named, share, what = wrong[0]
    text = (
        f"{named} is {what}: pixels go from {low:g} to {high:g}, and it is {share:.2g} of the "
        "distance of extreme images; give it in the pixels' unit"
    )
    return Finding(name=NAME, status="fail", value=share, message=text)


def _judged(
    norm: str, strengths: Sequence[float], width: float, made: Mapping[str, Any]
) -> tuple[str, float, str] | None:
    """Return a threat, its share of the distance and what it is, if all strengths are like it."""
    apart, known = _apart(norm, width, made)
    largest, smallest = max(strengths), min(strengths)
    if largest / apart < SMALLEST[norm]:
        return threat_name(norm, largest), largest / apart, "nearly nothing"
    if known and smallest / apart >= GREY:
        named = threat_name(norm, smallest)
        return named, smallest / apart, "enough to make any image grey"
    return None


def _bounds(made: Mapping[str, Any]) -> tuple[float, float]:
    """Return the smallest and the largest pixel; (0, 0) where they are not known."""
    bounds: Sequence[Any] = made.get("bounds") or ()
    known = len(bounds) == 2 and all(isinstance(end, int | float) for end in bounds)
    return (float(bounds[0]), float(bounds[1])) if known else (0.0, 0.0)


def _strengths(result: xr.DataTree, spec: Mapping[str, Any]) -> dict[str, list[float]]:
    """Return the strengths above 0 by their norm."""
    if "standard" in result.children:
        threats = result["standard"].dataset
        names, etas = (threats.get(f"threat_{key}") for key in ("norm", "strength"))
        if names is None or etas is None:
            return {}
        pairs = zip(names.values.tolist(), etas.values.tolist(), strict=True)
        return {norm: [eta] for norm, eta in pairs if norm in SMALLEST and eta > 0}
    positive = [eta for eta in result[GROUP].dataset["strength"].values.tolist() if eta > 0]
    norm = spec.get("norm")
    return {norm: positive} if norm in SMALLEST and positive else {}


def _apart(norm: str, width: float, made: Mapping[str, Any]) -> tuple[float, bool]:
    """Return the distance of extreme images, and whether it is known; else that of one pixel."""
    shape: Sequence[int] | None = made.get("image_shape")
    if norm == "linf":
        return width, True
    if not shape:
        return width, False
    pixels = math.prod(shape)
    return (width * math.sqrt(pixels) if norm == "l2" else width * pixels), True
