"""The cosine of every image without attack noise, from the moments of a diagnosis."""

import math

import numpy as np
import xarray as xr

from pyrosnn.summaries.advice import is_measured, known, reachable_cosine
from pyrosnn.summaries.angle import predicted_cosine


def limit_cosine(moments: xr.Dataset, inference_samples: int) -> xr.DataArray:
    r"""Return the cosine of each image that the most attack samples reach.

    It is the cosine at the largest S_A that was resampled, times what the mean over images still
    gains on the way to what is reachable (:func:`reachable_cosine`). An older file, which has no
    resampled cosines, has the first order of its moments at S_A = ∞.

    Args:
        moments: what :func:`pyrosnn.evaluation.attack_moments` returned.
        inference_samples: S_I.

    Returns:
        Cosines over ``example``, at most 1; NaN where the moments know of none.
    """
    if is_measured(moments):
        cosine = moments["resampled_cosine"].isel(subset=-1, drop=True).astype("float64")
        largest = moments["resampled_cosine"].isel(subset=-1)
        mean = largest.where(known(moments)).mean("example")  # over the images of what is reachable
        gain = reachable_cosine(moments, inference_samples) / float(mean) if mean > 0 else 1.0
        cosine = cosine * (gain if math.isfinite(gain) else 1.0)
    else:
        exact = predicted_cosine(moments, [math.inf], [inference_samples])
        cosine = exact.isel(attack_samples=0, inference_samples=0, drop=True)
    limited: xr.DataArray = cosine.clip(-1.0, 1.0)
    return limited


def with_limit(values: xr.Dataset, moments: xr.Dataset) -> xr.Dataset:
    """Return values with one more S_A, ∞, at which nothing is measured.

    Margins, gradients and lengths are those of the largest S_A, and so is a cosine that the moments
    do not know.

    Args:
        values: what :func:`pyrosnn.summaries.explained.common_values` returned for a result.
        moments: the moments of the same result.
    """
    largest = values.isel(attack_samples=[-1])
    size = int(values["inference_samples"])
    cosine = limit_cosine(moments.sel(example=values["example"]), size).drop_vars(
        [name for name in ("label",) if name in moments.coords]
    )
    # without δ there is no angle at any size
    known = cosine.where(largest["length"] > 0)
    limit = largest.assign(
        cosine=known.fillna(largest["cosine"]).transpose(*largest["cosine"].dims),
        withstood=xr.full_like(largest["withstood"], np.nan, dtype="float64"),
    ).assign_coords(attack_samples=[math.inf])
    sizes = values["attack_samples"].astype("float64")
    measured = values.assign_coords(attack_samples=sizes)
    names = ["withstood", "correct", "margin", "gradient_norm", "cosine", "length"]
    return xr.concat(
        [measured[names], limit[names]],
        "attack_samples",
        data_vars="minimal",
        coords="minimal",
        compat="override",
        join="exact",
        combine_attrs="override",
    )
