"""Accuracies of a result, over images first and repeats second."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from pyrosnn.statistics import require_confidence, share_interval
from pyrosnn.summaries.evaluated import Evaluated, evaluation_of
from pyrosnn.summaries.interval import interval_values
from pyrosnn.summaries.reading import of_result

COLUMNS = ("clean", "adversarial", "adversarial_given_clean", "linear_condition")


@of_result
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


@of_result
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


@of_result
def accuracy_intervals(result: Evaluated, *, confidence: float = 0.95) -> xr.Dataset:
    """Return every accuracy with its interval for fresh images and fresh sample sets.

    Args:
        result: what a study, ``open_results`` or ``evaluate`` returned.
        confidence: confidence of the intervals.

    Returns:
        A dataset without ``repeat``: for each accuracy of :func:`accuracies` that is a share of
        the result's images, its mean over repeats, and its interval in ``…_low`` and ``…_high``,
        :func:`~pyrosnn.statistics.share.share_interval`. With one repeat the interval holds for
        its sample sets.

    Raises:
        ArgumentError: for a confidence out of (0, 1).

    Example:
        >>> import pyrosnn
        >>> digits = pyrosnn.load_dataset("digits")
        >>> bnn = pyrosnn.train(pyrosnn.preset("bnn", epochs=3), digits)
        >>> x, y = digits.test_images(20)
        >>> A, I = pyrosnn.disjoint_sample_sets(bnn, x, attack=5, inference=20, seed=0)
        >>> sets = {"attack_samples": A, "inference_samples": I}
        >>> values = pyrosnn.evaluate(bnn, x, y, attack=pyrosnn.FGM(strength=0.4), **sets)
        >>> found = accuracy_intervals(values).squeeze()
        >>> bool(found["adversarial_low"] < found["adversarial"] < found["adversarial_high"])
        True
    """
    require_confidence(confidence)
    return with_intervals(_counted(result), confidence=confidence)


def with_intervals(shares: Mapping[str, xr.DataArray], *, confidence: float) -> xr.Dataset:
    """Return shares of images with their intervals, :func:`accuracy_intervals`.

    Args:
        shares: values in [0, 1] of every image and repeat by name, NaN where an image does not
            count.
        confidence: confidence of the intervals.
    """
    found: dict[str, xr.DataArray] = {}
    for name, values in shares.items():
        low, high = xr.apply_ufunc(
            lambda each: share_interval(each, confidence=confidence),
            values.astype("float64"),
            input_core_dims=[["repeat", "example"]],
            output_core_dims=[[], []],
            vectorize=True,
        )
        mean = values.mean("example").mean("repeat")
        found |= {name: mean, f"{name}_low": low, f"{name}_high": high}
    return xr.Dataset(found)


def _counted(result: Evaluated) -> dict[str, xr.DataArray]:
    """Return what each accuracy is the share of, NaN for images that do not count."""
    values = evaluation_of(result)
    clean, attacked = values["clean_correct"], values["adversarial_correct"]
    shares = {
        "clean": clean,
        "adversarial": attacked,
        "adversarial_given_clean": attacked.where(clean),
        "linear_condition": values.get("linear_condition", attacked.where(False)),
    }
    if "smooth_condition" in values:
        shares["smooth_condition"] = values["smooth_condition"]
    if (interval := interval_values(result)) is not None:
        shares["interval_condition"] = interval["interval_condition"]
    return shares


@of_result
def accuracy_table(result: Evaluated, *, confidence: float = 0.95) -> pd.DataFrame:
    """Return every accuracy with its interval, and its standard deviation over repeats.

    Args:
        result: what a study, ``open_results`` or ``evaluate`` returned.
        confidence: confidence of the intervals.

    Returns:
        One row for each strength, S_A and S_I. For each of the first four accuracies a column with
        its mean; ``…_low`` and ``…_high``, the interval of :func:`accuracy_intervals`; and
        ``…_sd``, the standard deviation over repeats (NaN for a single repeat), which leaves out
        how images vary.

    Raises:
        ArgumentError: for a confidence out of (0, 1).
    """
    names = list(COLUMNS)
    values = accuracies(result)[names]
    number = values.sizes["repeat"]
    sd = values.std("repeat", ddof=1) if number > 1 else values.isel(repeat=0, drop=True) * np.nan
    ends = [f"{name}{end}" for name in names for end in ("", "_low", "_high")]
    statistics = accuracy_intervals(result, confidence=confidence)[ends].merge(
        sd.rename({name: f"{name}_sd" for name in names})
    )
    columns = [f"{name}{suffix}" for name in names for suffix in ("", "_low", "_high", "_sd")]
    frame: pd.DataFrame = statistics.to_dataframe(
        dim_order=["strength", "attack_samples", "inference_samples"]
    )
    return frame[columns]
