"""Tables that studies and the command line show: cells keep their numbers."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
import xarray as xr

from pyrosnn.errors import ArgumentError, require
from pyrosnn.results import GROUP, read_spec
from pyrosnn.results.threats import strength_in
from pyrosnn.settings import checked_arguments
from pyrosnn.statistics import share_interval_of_means
from pyrosnn.summaries import accuracy_intervals, at_strength, cosine_table, robustness_table
from pyrosnn.summaries.words import interval_words
from pyrosnn.tables import Number, Table
from pyrosnn_studies.needs import needs
from pyrosnn_studies.titles import titled

NOTABLE = 0.1  # share of images without a gradient that a table speaks of

# Accuracies that depend on the attack, and what a table of each is called.
ATTACKED = {
    "adversarial": "Adversarial accuracy in %",
    "adversarial_given_clean": "Adversarial accuracy in % of images that are right without attack",
    "linear_condition": "Linear theory, not measured: images in % that fulfil the linear condition",
}


def or_dash(value: float, form: str) -> str:
    """Format a number; what is not defined is a dash.

    Example:
        >>> or_dash(0.25, ".3f"), or_dash(float("nan"), ".3f")
        ('0.250', '-')
    """
    return str(Number(value=value, form=form))


@checked_arguments
def percent(values: Mapping[Any, Any] | pd.Series, name: str) -> Number:
    """Return a share in percent with its interval.

    Args:
        values: a row or a dataset that has the share by its name, and its interval by ``…_low`` and
            ``…_high``.
        name: its name.

    Raises:
        ArgumentError: if the share or an end is missing, or is not one number.

    Example:
        >>> str(percent({"clean": 0.85, "clean_low": 0.792, "clean_high": 0.896}, "clean"))
        '85.0 [79.2, 89.6]'
    """
    try:
        value, low, high = (100 * float(values[f"{name}{end}"]) for end in ("", "_low", "_high"))
    except (KeyError, TypeError, ValueError) as error:
        raise ArgumentError(
            f"{name}, {name}_low and {name}_high must be a number each; got a row of "
            f"{', '.join(map(str, values.keys())) or 'nothing'}"
        ) from error
    return Number(value=value, form=".1f", low=low, high=high)


@checked_arguments
def percent_of_means(means: xr.DataArray, images: int) -> Number:
    """Return a share in percent with its interval, where only means over images are known.

    Args:
        means: the share of each repeat.
        images: number of images behind each.

    Example:
        >>> str(percent_of_means(xr.DataArray([0.5, 0.52, 0.51], dims="repeat"), 1000))
        '51.0 [47.0, 55.0]'
    """
    _require_numbers(means)
    low, high = share_interval_of_means(means.to_numpy(), images)
    mean = 100 * float(means.mean())
    return Number(value=mean, form=".1f", low=100 * low, high=100 * high)


@checked_arguments
def mean_and_sd(values: xr.DataArray) -> tuple[float, float]:
    """Return mean and standard deviation over repeats; NaN for the latter of a single repeat.

    Raises:
        ArgumentError: for anything but numbers of the dimension ``repeat`` alone.
    """
    _require_numbers(values)
    require(values.dims == ("repeat",), f"values must be over 'repeat' alone, got {values.dims}")
    sd = float(values.std("repeat", ddof=1)) if values.sizes["repeat"] > 1 else math.nan
    return float(values.mean("repeat")), sd


def _require_numbers(values: xr.DataArray) -> None:
    """Refuse what has no mean."""
    right = values.dtype.kind in "biuf" and values.size > 0
    require(right, f"values must be numbers, at least one, got {values.size} of {values.dtype}")


def number(mean: float, sd: float = math.nan) -> Number:
    """Return a mean with three digits beside its standard deviation.

    Example:
        >>> str(number(0.6, 0.0031)), str(number(0.8521))
        ('0.600 ± 0.003', '0.852')
    """
    return Number(value=mean, form="#.3g", sd=sd)


@checked_arguments
def size(samples: float) -> Number:
    """Return the size of a sample set."""
    return Number(value=int(samples), form=",")


@checked_arguments
def strength_of(result: xr.DataTree, strength: float) -> Number:
    """Return a strength, in the way that its norm is written."""
    return Number(value=float(strength), text=strength_in(read_spec(result), strength))


@needs(GROUP)
def sizes_in_words(result: xr.DataTree) -> str:
    """Return what the intervals of a result of attacked images are for, in brackets."""
    sizes = result[GROUP].sizes
    return f"[{interval_words(sizes['example'], sizes['repeat'])}]"


@needs(GROUP)
def accuracy_by_size(result: xr.DataTree) -> Table:
    """Return the raw adversarial accuracy at the largest S_I, by strength and S_A."""
    found = accuracy_intervals(result).isel(inference_samples=[-1])
    return _by_size(result, found, "adversarial")


@needs(GROUP)
def size_tables(result: xr.DataTree) -> list[Table]:
    """Return the tables of the study sample-size."""
    return titled([accuracy_by_size(result), cosines(result)], result)


@needs(GROUP)
def all_accuracies(result: xr.DataTree) -> list[Table]:
    """Return every accuracy: a table for each, with a row a strength and a column for each S_A."""
    found = accuracy_intervals(result)
    known = [name for name in ATTACKED if not found[name].isnull().all()]
    return [_clean(result, found), *[_by_size(result, found, name) for name in known]]


def _clean(result: xr.DataTree, found: xr.Dataset) -> Table:
    """Return the accuracy without attack, by S_I."""
    rows = [
        [size(samples), percent(found.sel(inference_samples=samples), "clean")]
        for samples in found["inference_samples"].values
    ]
    return Table(
        title=f"Accuracy without attack in %\n{sizes_in_words(result)}",
        columns=["S_I", "clean"],
        rows=rows,
    )


def _by_size(result: xr.DataTree, found: xr.Dataset, name: str) -> Table:
    """Return an accuracy by strength and S_A; of several S_I a row for each."""
    samples_i = found["inference_samples"].values
    samples_a = found["attack_samples"].values
    several = len(samples_i) > 1
    rows = []
    for strength in found["strength"].values:
        for inference in samples_i:
            of = found.sel(strength=strength, inference_samples=inference)
            first = [strength_of(result, strength), *([size(inference)] if several else [])]
            cells = [percent(of.sel(attack_samples=samples), name) for samples in samples_a]
            rows.append([*first, *cells])
    at = "" if several else f" for S_I = {int(samples_i[0]):,}"
    return Table(
        title=f"{ATTACKED[name]}{at}\n{sizes_in_words(result)}",
        columns=["strength", *["S_I"] * several, *[f"S_A = {int(a):,}" for a in samples_a]],
        rows=rows,
    )


@needs(GROUP)
def cosines(result: xr.DataTree, strength: float | None = None, hdi_prob: float = 0.94) -> Table:
    """Return the summary of the cosines: a row for each S_A and S_I.

    Args:
        result: a result.
        strength: a strength of the result; None takes the largest.
        hdi_prob: mass of the highest density interval.
    """
    table = cosine_table(result, strength, hdi_prob)
    statistics = [str(name) for name in table.columns if name != "undefined"]
    rows = [
        [
            size(row["attack_samples"]),
            size(row["inference_samples"]),
            *[Number(value=float(row[name]), form=".3f") for name in statistics],
            size(row["undefined"]),
        ]
        for _, row in table.reset_index().iterrows()
    ]
    count = result[GROUP].sizes["example"] * result[GROUP].sizes["repeat"]
    missing = int(table["undefined"].max())
    notes = []
    if result[GROUP]["gradient_norm"].isnull().all():
        notes = ["undefined: the classifier has no gradients"]
    elif missing > NOTABLE * count:
        notes = [
            f"{missing} of {count} have no gradient: an attack that does not move them says "
            "nothing of their robustness; see pyrosnn check"
        ]
    return Table(
        title="Cosine of the angle between attack and inference gradient, over images and repeats",
        columns=["S_A", "S_I", *statistics, "undefined"],
        rows=rows,
        notes=notes,
    )


EVENTS = {
    "adversarial_correct": "measured: attack fails",
    "linear_condition": "linear theory: condition holds",
}


@needs(GROUP)
def robustness(result: xr.DataTree, strength: float | None = None) -> Table:
    """Return P(robust) of the data set at one strength: a row for each S_A and S_I.

    Args:
        result: a result of at least two repeats.
        strength: a strength of the result; None takes the largest.
    """
    chosen = at_strength(result, "adversarial_correct", strength, drop=False)
    eta = float(chosen["strength"])
    table = robustness_table(result).xs(eta, level="strength")
    events = {name: words for name, words in EVENTS.items() if name in table}
    rows = [
        [
            size(row["attack_samples"]),
            size(row["inference_samples"]),
            *[percent(row, name) for name in events],
        ]
        for _, row in table.reset_index().iterrows()
    ]
    theory = (
        "Linear theory (equation 4): the linear radius exceeds the length of δ. It is no "
        "measurement, and may lie far from one where δ is large."
    )
    return Table(
        title=(
            f"P(robust) in % at η = {strength_of(result, eta)}: probability over fresh A and I, "
            f"mean over images\n{sizes_in_words(result)}"
        ),
        columns=["S_A", "S_I", *events.values()],
        rows=rows,
        notes=[theory] if "linear_condition" in events else [],
    )
