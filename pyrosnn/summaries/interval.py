"""The interval condition of a result, of files without it from their nearest class."""

import numpy as np
import xarray as xr

from pyrosnn.conditions import interval_radius
from pyrosnn.results import read_spec
from pyrosnn.results.compact import FRACTION_BITS
from pyrosnn.summaries.evaluated import Evaluated, evaluation_of
from pyrosnn.summaries.reading import of_result


@of_result
def interval_values(result: Evaluated) -> xr.Dataset | None:
    r"""Return the interval condition of every image, and the length up to which it holds.

    A file that was written before there was an interval condition has margin and slope of the
    nearest class alone. If its study averaged the model over noise, the condition is computed from
    these, with the margin at the lower end of its rounding. Another class may end it earlier, as
    it does for about 1 of 1,000 values of a network like those of the reproduction.

    Args:
        result: what a study, ``open_results`` or ``evaluate`` returned.

    Returns:
        ``interval_condition`` and ``interval_radius``; None where the model is not averaged over
        Gaussian noise on the image, or its scores are not in [0, 1].
    """
    values = evaluation_of(result)
    names = ["interval_condition", "interval_radius"]
    if set(names) <= set(values.data_vars):
        return values[names]
    if isinstance(result, xr.Dataset) or "smooth_condition" not in values:
        return None
    factors = values[["margin", "gradient_norm", "cosine"]].astype("float64")
    # along δ = 0 there is no slope
    slope = (factors["gradient_norm"] * factors["cosine"]).fillna(0.0)
    variance = float(read_spec(result)["smoothing_variance"])
    bits = FRACTION_BITS if "compact" in result.attrs else np.finfo(np.float32).nmant
    margin = factors["margin"] * (1 - 2.0 ** -(bits + 1))
    radius = slope.copy(data=interval_radius(margin, slope, variance))
    correct = values["clean_correct"] & values["attack_correct"]
    held = correct & (radius > values["perturbation_norm"])
    return xr.Dataset({"interval_condition": held.transpose(*radius.dims), names[1]: radius})


@of_result
def interval_end(result: Evaluated) -> float:
    """Return the length beyond which no image fulfils the interval condition.

    NaN where the result has none.

    Args:
        result: what a study, ``open_results`` or ``evaluate`` returned.
    """
    found = interval_values(result)
    if found is None:
        return float("nan")
    values = evaluation_of(result)
    correct = values["clean_correct"] & values["attack_correct"]
    return float(np.max(found["interval_radius"].where(correct, 0.0).values))
