"""Paired differences: settings compared on the same images and repeats."""

import numpy as np
import xarray as xr
from scipy import stats

from pyrosnn.errors import require


def paired_differences(
    values: xr.DataArray,
    dim: str,
    *,
    reference: float | int | None = None,
    confidence: float = 0.95,
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
    require(0 < confidence < 1, f"confidence must be between 0 and 1, got {confidence}")
    base = values.isel({dim: -1}, drop=True)
    if reference is not None:
        base = values.sel({dim: reference}, drop=True)
    differences = values - base
    number = differences.sizes["repeat"]
    mean = differences.mean("repeat")
    if number == 1:
        missing = xr.full_like(mean, np.nan)
        names = ("low", "high", "p_value", "effect_size")
        return xr.Dataset({"difference": mean, **dict.fromkeys(names, missing)})
    sd = differences.std("repeat", ddof=1)
    varies = sd.where(sd > 0)
    reach = stats.t.ppf(0.5 + confidence / 2, number - 1) * varies / np.sqrt(number)
    p_value = 2 * stats.t.sf(abs(mean / (varies / np.sqrt(number))), number - 1)
    return xr.Dataset(
        {
            "difference": mean,
            "low": mean - reach,
            "high": mean + reach,
            "p_value": (mean.dims, p_value),
            "effect_size": mean / varies,
        }
    )
