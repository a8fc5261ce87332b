"""What an explanation lacks, and the commands that give it."""

import numpy as np
import xarray as xr

from pyrosnn.results import read_provenance, read_spec
from pyrosnn.summaries.explained import LENGTH, STANDARD
from pyrosnn.summaries.reading import of_result
from pyrosnn.summaries.standard import QUERIES

DIAGNOSE, EVALUATE = "pyrosnn diagnose", "pyrosnn evaluate"
# The judges that decide whether a robustness is real, and why a model may lack one.
JUDGES = {
    "noise_free": "noise switched off: a classifier has no noise-free form",
    "known": "an attacker who knows I: a classifier has no gradients",
}


@of_result
def missing_parts(first: xr.DataTree, second: xr.DataTree, explained: xr.Dataset) -> list[str]:
    """Return sentences that name what an explanation does not hold, each with the next step.

    Args:
        first: the first result.
        second: the second one.
        explained: what :func:`pyrosnn.explain` returned for them.
    """
    if "threat" in explained.dims:
        return [
            *_judges(explained),
            *_threats(first, second, explained),
            f"What S_A → ∞ leaves: explain two results of {DIAGNOSE}.",
        ]
    lines = []
    if not np.isinf(explained["attack_samples"]).any():
        lines.append(f"What S_A → ∞ leaves: {_limit(first, second)}.")
    lines.append(
        "What is left with the noise switched off, and under many queries: explain two results of "
        f"{EVALUATE}."
    )
    return lines


def _limit(first: xr.DataTree, second: xr.DataTree) -> str:
    """Return how to know the cosines at S_A = ∞."""
    if read_spec(first).get("attack", "fgm") != "fgm":
        return f"known for one step only; explain two results of {DIAGNOSE} --attack fgm"
    lacking = [w for w, r in zip(("1", "2"), (first, second), strict=True) if not _has_moments(r)]
    which = "both models" if len(lacking) == 2 else f"model {lacking[0]}"
    return f"run {DIAGNOSE} for {which}, and explain its results"


def _has_moments(result: xr.DataTree) -> bool:
    return "moments" in result.children


def _judges(explained: xr.Dataset) -> list[str]:
    """Return which judges a standard evaluation lacks."""
    has = explained["judge"].values.tolist()
    lines = [f"No change with {words}." for judge, words in JUDGES.items() if judge not in has]
    most = QUERIES[-1]
    if f"robust_at_{most}" not in has:
        lines.append(f"No robust@{most}: run {EVALUATE} without --quick for both models.")
    return lines


def _threats(first: xr.DataTree, second: xr.DataTree, explained: xr.Dataset) -> list[str]:
    """Return which common threats are left out because the length of δ is not kept."""
    groups = [result[STANDARD].dataset for result in (first, second)]
    if all("archive_length" in values for values in groups):
        return []
    held = [set(map(str, values["threat"].values)) for values in groups]
    lost = sorted((held[0] & held[1]) - set(map(str, explained["threat"].values)))
    return [f"No parts under {', '.join(lost)}: no {LENGTH}; run {EVALUATE} again."] if lost else []


def without_common_unit(first: xr.DataTree, second: xr.DataTree) -> bool:
    """Whether margins and gradients of two models have other units, probabilities and logits.

    Args:
        first: a result.
        second: another one.
    """
    outputs = {read_provenance(result).get("output", "") for result in (first, second)} - {""}
    return len(outputs) > 1
