"""Paired differences: settings, or two models, compared on the same images."""

import math

import numpy as np
import xarray as xr

from pyrosnn.errors import require
from pyrosnn.statistics import (
    crossed_half_widths,
    require_confidence,
    student_half_width,
    student_p_value,
)
from pyrosnn.summaries.reading import of_shares

# Differences of means that are equal may differ by their rounding, relative to the means.
ROUNDING = 1e-12


@of_shares
def paired_differences(
    values: xr.DataArray,
    dim: str,
    *,
    reference: float | int | None = None,
    confidence: float = 0.95,
    most: float | int = math.inf,
) -> xr.Dataset:
    r"""Compare each setting with a reference, repeat by repeat.

    The difference of one repeat is taken on the same images (and, for sizes of the inference
    set, under the same attack), so that what images and attacks have in common cancels. Repeats
    have fresh sample sets and are independent: the interval and the test are Student's, over
    repeats.

    Args:
        values: means over images, with the dimension ``repeat``.
        dim: the dimension whose settings are compared.
        reference: the setting to compare with; None takes the last.
        confidence: confidence of the interval.
        most: the largest difference that is possible, 1 for shares: no interval goes beyond.

    Returns:
        A dataset without ``repeat``: ``difference`` (setting minus reference), ``low`` and
        ``high`` of its interval, ``p_value`` (two-sided), and ``effect_size``, the mean of the
        differences in units of their standard deviation. All but the difference are NaN for a
        single repeat, and where all differences are equal, so that nothing is known of their
        spread.

    Raises:
        ArgumentError: for a confidence out of (0, 1).

    Example:
        >>> accuracy = xr.DataArray(
        ...     [[0.30, 0.20], [0.32, 0.21], [0.31, 0.21]],
        ...     dims=("repeat", "attack_samples"),
        ...     coords={"attack_samples": [1, 100]},
        ... )
        >>> found = paired_differences(accuracy, "attack_samples").sel(attack_samples=1)
        >>> round(float(found["difference"]), 3), round(float(found["low"]), 3)
        (0.103, 0.089)
    """
    require_confidence(confidence)
    base = values.isel({dim: -1}, drop=True)
    if reference is not None:
        base = values.sel({dim: reference}, drop=True)
    differences = values - base
    rounding = ROUNDING * (abs(values).max("repeat") + abs(base).max("repeat"))
    number = differences.sizes["repeat"]
    mean = _but(differences.mean("repeat"), rounding)
    if number == 1:
        missing = xr.full_like(mean, np.nan)
        names = ("low", "high", "p_value", "effect_size")
        return xr.Dataset({"difference": mean, **dict.fromkeys(names, missing)})
    sd = _but(differences.std("repeat", ddof=1), rounding)
    reach = student_half_width(sd, number, confidence)
    return xr.Dataset(
        {
            "difference": mean,
            "low": (mean - reach).clip(-most, most),
            "high": (mean + reach).clip(-most, most),
            "p_value": mean.copy(data=student_p_value(mean, sd, number)),
            "effect_size": mean / sd.where(sd > 0),
        }
    )


@of_shares
def difference_of_models(
    first: xr.DataArray,
    second: xr.DataArray,
    *,
    confidence: float = 0.95,
    most: float | int = math.inf,
) -> xr.Dataset:
    r"""Compare two models on the same images, whose sample sets are independent.

    Images of one block share their sample sets, so that what a draw of (A, I) changes is seen
    between repeats, not between images. There are two intervals, both of
    :func:`~pyrosnn.statistics.crossed.crossed_half_widths`: for *these* images under fresh sample
    sets (**samples**), and for *fresh images* under fresh sample sets (**images**).

    Two results with the same seed may share random numbers repeat by repeat. That is not used;
    where it makes the models' errors alike, both intervals are too wide. (For the BNN and the IM of
    the reproduction, errors of blocks correlate by 0.0 ± 0.1.)

    Args:
        first: values of every image, dimensions ``repeat``, ``example`` and any others.
        second: the same images under another model; the repeats may be more or fewer.
        confidence: confidence of the intervals.
        most: the largest difference that is possible, 1 for shares: no interval goes beyond.

    Returns:
        A dataset without ``repeat`` and ``example``: the means ``first`` and ``second``, their
        ``difference`` (first minus second), ``samples_low`` and ``samples_high``,
        ``images_low`` and ``images_high``. With a single repeat of either model there is no
        interval over samples (NaN), and that over images holds for these sample sets only.
        An interval whose variance is zero is NaN, too: nothing is known of the spread.

    Raises:
        ArgumentError: for a confidence out of (0, 1), other images, or fewer than two.

    References:
        Welch (1947); Satterthwaite (1946).

    Example:
        >>> dims = ("repeat", "example")
        >>> first = xr.DataArray([[1, 1, 0, 1], [1, 1, 1, 1]], dims=dims)
        >>> second = xr.DataArray([[0, 1, 0, 1], [0, 0, 0, 1]], dims=dims)
        >>> found = difference_of_models(first, second)
        >>> float(found["difference"]), round(float(found["samples_low"]), 2)
        (0.5, -0.26)
    """
    require_confidence(confidence)
    require(
        first["example"].equals(second["example"]),
        f"both must have the same images, got {first.sizes['example']} and "
        f"{second.sizes['example']} that differ; select the common ones",
    )
    both = [values.astype("float64") for values in (first, second.transpose(*first.dims))]
    means = [values.mean("example").mean("repeat") for values in both]
    difference = _but(means[0] - means[1], ROUNDING * (abs(means[0]) + abs(means[1])))
    arrays = [values.transpose(..., "repeat", "example").to_numpy() for values in both]
    over_samples, over_images = (
        difference.copy(data=half)
        for half in crossed_half_widths(arrays[0], arrays[1], confidence=confidence)
    )
    return xr.Dataset(
        {
            "first": means[0],
            "second": means[1],
            "difference": difference,
            "samples_low": (difference - over_samples).clip(-most, most),
            "samples_high": (difference + over_samples).clip(-most, most),
            "images_low": (difference - over_images).clip(-most, most),
            "images_high": (difference + over_images).clip(-most, most),
        }
    )


def _but(values: xr.DataArray, rounding: xr.DataArray | float) -> xr.DataArray:
    """Return values, but 0 for those that are no larger than rounding."""
    return values.where(~(abs(values) <= rounding), 0.0)


def mean_gap(differences: xr.DataArray, *, confidence: float = 0.95) -> xr.Dataset:
    """Return the mean of paired differences between shares, and Student's interval.

    Args:
        differences: of every image, dimensions ``repeat``, ``example`` and any others.
        confidence: confidence of the interval.

    Returns:
        ``difference``, ``low`` and ``high``, without ``repeat`` and ``example``. The interval is
        over repeats; of a single repeat it is over images, and holds for its sample sets. It stays
        within [-1, 1], and is NaN where all differences are equal up to rounding.

    Example:
        >>> differences = xr.DataArray([[0.0, 1.0, 0.0, 0.0]], dims=("repeat", "example"))
        >>> found = mean_gap(differences)
        >>> float(found["difference"]), round(float(found["low"]), 3), float(found["high"])
        (0.25, -0.546, 1.0)
    """
    repeated = differences.sizes["repeat"] > 1
    dim, other = ("repeat", "example") if repeated else ("example", "repeat")
    each = differences.mean(other)
    mean, number = _but(each.mean(dim), ROUNDING), each.sizes[dim]
    sd = _but(each.std(dim, ddof=1), ROUNDING) if number > 1 else xr.full_like(mean, np.nan)
    half = mean.copy(data=student_half_width(sd, number, confidence))
    ends = {"low": (mean - half).clip(-1, 1), "high": (mean + half).clip(-1, 1)}
    return xr.Dataset({"difference": mean, **ends})
