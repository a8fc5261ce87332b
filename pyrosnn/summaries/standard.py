"""The numbers of the standard evaluation, threat by threat."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from pyrosnn.errors import require
from pyrosnn.results import read_spec
from pyrosnn.results.dataset import with_repeat
from pyrosnn.statistics import (
    require_confidence,
    robust_at,
)
from pyrosnn.summaries.accuracy import with_intervals
from pyrosnn.summaries.certificates import certified_threats
from pyrosnn.summaries.evaluated import group_of
from pyrosnn.summaries.paired import mean_gap
from pyrosnn.summaries.reading import of_result

QUERIES = (1, 10, 100)

# Shares of images, by their column; a classifier without a noise-free form lacks the last two.
SHARES = {
    "clean": "unattacked_correct",
    "random": "random_correct",
    "archive": "archive_correct",
    "known": "known_correct",
    "noise_free": "noise_free_correct",
    "noise_free_clean": "noise_free_unattacked",
}

# Frozen δ that are queried, by their column: none, the worst of random ones, and the archive's.
PERTURBATIONS = {"clean_at": "none", "random_at": "random", "robust_at": "archive"}


@of_result
def standard_table(
    result: xr.DataTree, *, confidence: float = 0.95, queries: Sequence[int] = QUERIES
) -> pd.DataFrame:
    r"""Return the accuracies of the standard evaluation.

    Shares of images have intervals for fresh images and, where there are several repeats, for fresh
    sample sets, too: :func:`~pyrosnn.statistics.share.share_interval`, which is that of
    Clopper and Pearson for one repeat. The gaps are paired: over repeats where there are several,
    else over images.

    Args:
        result: a result of the standard evaluation.
        confidence: confidence of all intervals.
        queries: numbers of queries k; those above the queries of the result are left out.

    Returns:
        One row a threat. These columns have an interval in ``…_low`` and ``…_high``:

        - ``clean``: accuracy on I without attack;
        - ``random``: accuracy on I at the worst of random δ, the control;
        - ``archive``: accuracy on I at the δ that V finds worst among all attacks;
        - ``certified``: share of images that no δ in ℓ2 moves, by their certificate; NaN under
          threats in other norms;
        - ``known``: accuracy on I under an attack that knows I;
        - ``known_gap``: what I's being known costs, ``archive`` minus ``known``;
        - ``noise_free``, ``noise_free_clean``: accuracy without noise, with and without δ;
        - ``selection_gap``, ``random_gap``: accuracy on V minus that on I (archive, control);
        - ``clean_at_k``, ``random_at_k``, ``robust_at_k``: k queries are all right.

        What was not measured (a certificate needs noise on the image, an attack that knows I
        gradients; some classifiers have no noise-free form) has no column. The interval of a gap is
        NaN where all differences are equal. Queries are independent,
        :func:`~pyrosnn.statistics.robust_at`, mean over images.

        So have ``archive_selected``, ``random_selected`` and ``clean_selected``, the accuracies on
        V. Without an interval: ``hidden_share``, (archive - known) / archive, the share of the
        robustness that is due to randomness which the attacker does not know.

    Raises:
        ArgumentError: for a result without the group ``standard``, and a confidence out of (0, 1).
    """
    require_confidence(confidence)
    values = standard_of(result)
    number = num_queries(result)
    columns: dict[str, xr.DataArray] = {}
    for column, name in SHARES.items():
        if name in values:
            columns |= _with_interval(column, values[name], confidence)
    certified = certified_threats(result)
    if certified is not None:
        columns |= _with_interval("certified", certified.expand_dims(repeat=1), confidence)
    for column, name in (("archive", "archive"), ("random", "random"), ("clean", "unattacked")):
        selected = values[f"{name}_selected"]
        columns |= _with_interval(f"{column}_selected", selected, confidence)
    for column, name in (("selection_gap", "archive"), ("random_gap", "random")):
        gap = values[f"{name}_selected"].astype(float) - values[f"{name}_correct"]
        columns |= _paired(column, gap, confidence)
    if "known" in columns:
        hidden = values["archive_correct"].astype(float) - values["known_correct"]
        columns |= _paired("known_gap", hidden, confidence)
        columns["hidden_share"] = _hidden_share(columns["archive"], columns["known"])
    for column, perturbation in PERTURBATIONS.items():
        counts = values["queries_correct"].sel(perturbation=perturbation, drop=True)
        for k in queries:
            if k <= number:
                shares = counts.copy(data=robust_at(counts.values, number, k))
                columns |= _with_interval(f"{column}_{k}", shares, confidence)
    per_threat = xr.Dataset(columns).reset_coords(drop=True).broadcast_like(values["threat"])
    frame: pd.DataFrame = per_threat.to_dataframe()
    return frame[list(columns)]


@of_result
def entry_table(result: xr.DataTree, *, confidence: float = 0.95) -> pd.DataFrame:
    """Return what each attack of the standard evaluation reaches alone, and what it costs.

    Args:
        result: a result of the standard evaluation.
        confidence: confidence of the intervals.

    Returns:
        One row for each threat and attack that was run under it: ``run``, the share of images that
        it was run on; ``correct``, the accuracy of these on I at the attack's own δ, with
        ``correct_low`` and ``correct_high``; ``selected``, that on V; ``won``, the share of all
        images whose archive has this attack's δ; ``gradients`` and ``queries``, of single samples,
        mean over the images that it was run on.

    Raises:
        ArgumentError: for a result without the group ``standard``, and a confidence out of (0, 1).
    """
    require_confidence(confidence)
    values = standard_of(result)
    run = values["entry_run"]
    places = xr.DataArray(np.arange(values.sizes["entry"]), dims="entry")
    columns = {
        "run": _mean(run),
        **_with_interval("correct", values["entry_correct"].where(run), confidence),
        "selected": _mean(values["entry_selected"].where(run)),
        "won": _mean(values["archive_entry"] == places),
        "gradients": _mean(values["entry_gradients"].where(run)),
        "queries": _mean(values["entry_queries"].where(run)),
    }
    frame: pd.DataFrame = (
        xr.Dataset(columns).reset_coords(drop=True).to_dataframe(dim_order=["threat", "entry"])
    )
    return frame[frame["run"] > 0][list(columns)]


def standard_of(result: xr.DataTree) -> xr.Dataset:
    """Return the values of the standard evaluation, with the dimension ``repeat``."""
    return with_repeat(group_of(result, "standard"), 0)


def num_queries(result: xr.DataTree) -> int:
    """Return the number of queries at each frozen δ, n.

    Raises:
        ArgumentError: if the result does not say.
    """
    spec = read_spec(result)
    require("queries" in spec, "the result does not say its number of queries in its spec")
    return int(spec["queries"])


def _mean(values: xr.DataArray) -> xr.DataArray:
    return values.mean(["repeat", "example"])


def _with_interval(name: str, values: xr.DataArray, confidence: float) -> dict[str, xr.DataArray]:
    """Return a share of images and its interval; NaN does not count."""
    found = with_intervals({name: values}, confidence=confidence)
    return {str(column): found[column] for column in found.data_vars}


def _paired(name: str, differences: xr.DataArray, confidence: float) -> dict[str, xr.DataArray]:
    """Return the mean of paired differences and its interval."""
    found = mean_gap(differences, confidence=confidence)
    return {
        name: found["difference"],
        f"{name}_low": found["low"],
        f"{name}_high": found["high"],
    }


def _hidden_share(archive: xr.DataArray, known: xr.DataArray) -> xr.DataArray:
    return ((archive - known) / archive).where(archive > 0)
