"""The angles between attack and inference gradients: selected, in ArviZ's form, summarised."""

import numpy as np
import pandas as pd
import xarray as xr

from pyrosnn.errors import ArgumentError, require, unknown_name
from pyrosnn.statistics import highest_density
from pyrosnn.summaries.evaluated import Evaluated, evaluation_of
from pyrosnn.summaries.reading import of_result


@of_result
def at_strength(
    result: Evaluated, name: str, strength: float | None = None, *, drop: bool = True
) -> xr.DataArray:
    """Return a per-image variable at one strength.

    Args:
        result: what a study, ``open_results`` or ``evaluate`` returned.
        name: a variable over strengths, such as ``cosine``.
        strength: a strength of the result; None takes the largest.
        drop: leave out the coordinate ``strength``.

    Raises:
        ArgumentError: naming the strengths that the result has.
    """
    evaluated = evaluation_of(result)
    if name not in evaluated or "strength" not in evaluated[name].dims:
        over = [str(one) for one, array in evaluated.items() if "strength" in array.dims]
        raise unknown_name("variable", str(name), over)
    values = evaluated[name]
    grid = values["strength"].values
    if strength is None:
        strength = float(grid.max())
    nearest = float(grid[abs(grid - strength).argmin()])
    if abs(nearest - strength) > 1e-9:
        raise ArgumentError(
            f"the result has no strength {strength:g}; it has {', '.join(f'{s:g}' for s in grid)}"
        )
    return values.sel(strength=nearest, drop=drop)


@of_result
def posterior_like(result: Evaluated, strength: float | None = None) -> xr.Dataset:
    """Return the geometry of the attack in ArviZ's dimensions: chain = repeat, draw = example.

    Args:
        result: what a study, ``open_results`` or ``evaluate`` returned.
        strength: a strength of the result; None takes the largest (for FGM without clipping all
            strengths have the same angles).

    Returns:
        ``cosine``, ``margin`` and ``gradient_norm`` for any ArviZ function.
    """
    names = ("cosine", "margin", "gradient_norm")
    selected = {name: at_strength(result, name, strength) for name in names}
    renamed = (
        xr.Dataset(selected)
        .drop_vars("label", errors="ignore")
        .rename(repeat="chain", example="draw")
    )
    return renamed.transpose("chain", "draw", ...)


@of_result
def cosine_table(
    result: Evaluated, strength: float | None = None, hdi_prob: float = 0.94
) -> pd.DataFrame:
    """Summarise the cosines as ``arviz.summary`` does.

    Args:
        result: what a study, ``open_results`` or ``evaluate`` returned.
        strength: a strength of the result; None takes the largest.
        hdi_prob: mass of the highest density interval over images and repeats.

    Returns:
        One row for each S_A and S_I with mean, sd and interval over images and repeats, and
        ``undefined``: how many cosines are undefined, because the attack's or the margin's
        gradient is zero. Those are left out of the other columns.

    Raises:
        ArgumentError: for a strength that the result does not have, or a mass out of (0, 1).
    """
    require(0 < hdi_prob < 1, f"hdi_prob must be between 0 and 1, got {hdi_prob}")
    cosine = posterior_like(result, strength)["cosine"].astype(float)
    over = ("chain", "draw")
    ends = [f"hdi_{100 * share:g}%" for share in ((1 - hdi_prob) / 2, (1 + hdi_prob) / 2)]
    columns = {"mean": cosine.mean(over), "sd": _deviation(cosine, over)}
    rows = cosine.transpose("attack_samples", "inference_samples", ...).values
    intervals = [highest_density(row, hdi_prob) for one_size in rows for row in one_size]
    index = pd.MultiIndex.from_product(
        [cosine["attack_samples"].values, cosine["inference_samples"].values],
        names=["attack_samples", "inference_samples"],
    )
    return pd.DataFrame(
        {
            **{name: _rows(values) for name, values in columns.items()},
            **dict(zip(ends, zip(*intervals, strict=True), strict=True)),
            "undefined": _rows(cosine.isnull().sum(over)),
        },
        index=index,
    )


def _deviation(values: xr.DataArray, over: tuple[str, ...]) -> xr.DataArray:
    """Return the standard deviation of a sample; NaN where there are fewer than two values."""
    number = values.notnull().sum(over)
    squares = ((values - values.mean(over)) ** 2).sum(over)
    return (squares / (number - 1).where(number > 1)) ** 0.5


def _rows(values: xr.DataArray) -> np.ndarray:
    """Return values in the order of a table's rows."""
    rows: np.ndarray = values.transpose("attack_samples", "inference_samples").values.ravel()
    return rows
