"""Accuracies of a result, over images first and repeats second."""

import numpy as np
import pandas as pd
import xarray as xr

from pyrosnn.summaries.evaluated import Evaluated, evaluation_of
from pyrosnn.summaries.interval import interval_values

COLUMNS = ("clean", "adversarial", "adversarial_given_clean", "linear_condition")


def accuracies(result: Evaluated) -> xr.Dataset:
    """Return the accuracy of each repeat: the mean over images.

    Args:
        result: what a study, ``open_results`` or ``evaluate`` returned.

    Returns:
        A dataset with dimension ``repeat`` and, where they apply, ``strength``,
        ``attack_samples`` and ``inference_samples``:

        - ``clean``: share of images classified correctly by I before the attack;
        - ``adversarial``: share of attacked images classified correctly (raw);
        - ``adversarial_given_clean``: the same among images that were correct before;
        - ``linear_condition``: share that fulfils the linear condition, NaN without gradients;
        - ``smooth_condition``, where the result has it: the same, for each constant L;
        - ``interval_condition``, where the model is averaged over Gaussian noise: the same;
        - ``test``, where the result has it: clean accuracy on all test images.
    """
    values = evaluation_of(result)
    clean = values["clean_correct"]
    attacked = values["adversarial_correct"]
    unknown = xr.full_like(attacked, np.nan, float).drop_attrs()
    shares = {
        "clean": clean.mean("example"),
        "adversarial": attacked.mean("example"),
        "adversarial_given_clean": (attacked & clean).sum("example") / clean.sum("example"),
        "linear_condition": values.get("linear_condition", unknown).mean("example"),
    }
    if "smooth_condition" in values:
        shares["smooth_condition"] = values["smooth_condition"].mean("example")
    if (interval := interval_values(result)) is not None:
        shares["interval_condition"] = interval["interval_condition"].mean("example")
    if "test_accuracy" in values:
        shares["test"] = values["test_accuracy"]
    return xr.Dataset(shares)


def accuracy_on_clean(result: Evaluated) -> xr.DataArray:
    """Return the adversarial accuracy on images that the largest I classifies correctly.

    Unlike ``adversarial_given_clean`` of :func:`accuracies`, whose images differ with S_I, these
    are the same images for every S_I of a repeat, so that sizes can be compared in pairs.

    Args:
        result: what a study, ``open_results`` or ``evaluate`` returned.
    """
    values = evaluation_of(result)
    clean = values["clean_correct"].isel(inference_samples=-1, drop=True)
    attacked = values["adversarial_correct"] & clean
    return (attacked.sum("example") / clean.sum("example")).rename("accuracy_on_clean")


def accuracy_table(result: Evaluated) -> pd.DataFrame:
    """Return mean and standard deviation over repeats of every accuracy.

    Args:
        result: what a study, ``open_results`` or ``evaluate`` returned.

    Returns:
        One row for each strength, S_A and S_I; for each of the first four accuracies a column
        with its mean and one, ``…_sd``, with the standard deviation over repeats (NaN for a
        single repeat).
    """
    values = accuracies(result)[list(COLUMNS)]
    statistics = values.mean("repeat").merge(
        values.std("repeat", ddof=1).rename({name: f"{name}_sd" for name in values.data_vars})
        if values.sizes["repeat"] > 1
        else (values.isel(repeat=0, drop=True) * float("nan")).rename(
            {name: f"{name}_sd" for name in values.data_vars}
        )
    )
    columns = [f"{name}{suffix}" for name in COLUMNS for suffix in ("", "_sd")]
    frame: pd.DataFrame = statistics.to_dataframe(
        dim_order=["strength", "attack_samples", "inference_samples"]
    )
    return frame[columns]
