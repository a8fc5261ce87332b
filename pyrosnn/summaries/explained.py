"""What two results have in common that theorem 4.1 speaks of, under names of its own."""

import numpy as np
import xarray as xr

from pyrosnn.errors import ArgumentError, require
from pyrosnn.results import GROUP, read_spec
from pyrosnn.results.dataset import with_repeat
from pyrosnn.results.threats import threat_name
from pyrosnn.summaries.comparable import (
    NEAR,
    SETTINGS,
    STANDARD_SETTINGS,
    at_strengths,
    check_same_data,
    check_same_settings,
    chosen_strength,
    common_strengths,
    listed,
)

STANDARD = "standard"
# The names of a kind of result, and those that do not depend on the kind.
NAMES = {
    GROUP: {
        "adversarial_correct": "withstood",
        "clean_correct": "correct",
        "margin": "margin",
        "gradient_norm": "gradient_norm",
        "cosine": "cosine",
        "perturbation_norm": "norm",
        "perturbation_length": "length",
    },
    STANDARD: {
        "archive_correct": "withstood",
        "unattacked_correct": "correct",
        "archive_margin": "margin",
        "archive_gradient_norm": "gradient_norm",
        "archive_cosine": "cosine",
        "archive_norm": "norm",
        "archive_length": "length",
    },
}
LENGTH = "the length of δ in ℓ2, which margins and gradients are along"


def kind_of_values(first: xr.DataTree, second: xr.DataTree) -> str:
    """Return the group of values that both results have.

    Raises:
        ArgumentError: for results of different kinds, or of another kind.
    """
    for group in NAMES:
        if all(group in result.children for result in (first, second)):
            return group
    studies = [str(result.attrs.get("study", "unknown")) for result in (first, second)]
    raise ArgumentError(
        f"the results of '{studies[0]}' and '{studies[1]}' have no attacked images in common; "
        "explain two results of one study: of sample-size, diagnosis or the like, or of evaluation"
    )


def common_values(
    first: xr.DataTree, second: xr.DataTree, strength: float | None = None
) -> tuple[xr.Dataset, xr.Dataset]:
    """Return the values of both results for their common images, attacks and sample sets.

    Args:
        first: a result.
        second: another one.
        strength: a strength of both; None takes all common ones.

    Returns:
        For each the values of its kind, over ``repeat``, ``example`` and ``threat``, or
        ``strength`` and ``attack_samples``. Beside the names of the kind stand those that do not
        depend on it: ``withstood``, ``correct``, ``margin``, ``gradient_norm``, ``cosine`` and the
        ``length`` ‖δ‖₂. Threats whose length is not known are left out.

    Raises:
        ArgumentError: naming the setting that differs, or what is not common or not known.
    """
    group = kind_of_values(first, second)
    check_same_data(first, second)
    check_same_settings(first, second, STANDARD_SETTINGS if group == STANDARD else SETTINGS)
    results = (first, second)
    one, other = (with_repeat(result[group].to_dataset(), 0) for result in results)
    examples = np.intersect1d(one["example"], other["example"])
    require(
        len(examples) >= 2,
        f"the results have {len(examples)} of their images in common; 2 are needed",
    )
    one, other = one.sel(example=examples), other.sel(example=examples)
    cut = _common_threats if group == STANDARD else _common_sets
    pair = cut(one, other, strength)
    named = [_named(v, r, group) for v, r in zip(pair, results, strict=True)]
    return _with_length(named[0], named[1])


def _common_sets(
    first: xr.Dataset, second: xr.Dataset, strength: float | None
) -> tuple[xr.Dataset, xr.Dataset]:
    """Return both at their common strengths and S_A, and at the largest S_I of both."""
    etas = common_strengths(first, second)
    if strength is not None:
        etas = [chosen_strength(etas, strength)]
    chosen = {}
    for dim, name in (("attack_samples", "S_A"), ("inference_samples", "S_I")):
        chosen[dim] = np.intersect1d(first[dim], second[dim])
        require(
            len(chosen[dim]) > 0,
            f"the results have no {name} in common: {listed(first, dim)} and "
            f"{listed(second, dim)}; run one again with --{dim.replace('_', '-')}",
        )
    places = {**chosen, "inference_samples": int(chosen["inference_samples"][-1])}
    one, other = (at_strengths(values, etas).sel(places) for values in (first, second))
    return one, other


def _common_threats(
    first: xr.Dataset, second: xr.Dataset, strength: float | None
) -> tuple[xr.Dataset, xr.Dataset]:
    """Return both under their common threats, in the first one's order."""
    both = [_threats(values) for values in (first, second)]
    pairs = [
        (place, other)
        for place, (norm, eta) in enumerate(both[0])
        for other, (its_norm, its_eta) in enumerate(both[1])
        if norm == its_norm and abs(eta - its_eta) < NEAR
    ]
    names = [", ".join(threat_name(*threat) for threat in threats) for threats in both]
    require(
        len(pairs) > 0,
        f"the results have no threat in common: {names[0]} and {names[1]}; run one again with "
        "--linf or --l2",
    )
    if strength is not None:
        common = [both[0][place][1] for place, _ in pairs]
        eta = chosen_strength(sorted(common), strength)
        pairs = [pair for pair, own in zip(pairs, common, strict=True) if own == eta]
    places = list(zip(*pairs, strict=True))
    one, other = (v.isel(threat=list(p)) for v, p in zip((first, second), places, strict=True))
    return one, other.assign_coords(threat=one["threat"])


def _threats(values: xr.Dataset) -> list[tuple[str, float]]:
    norms, strengths = values["threat_norm"].values, values["threat_strength"].values
    return [(str(norm), float(eta)) for norm, eta in zip(norms, strengths, strict=True)]


def _named(values: xr.Dataset, result: xr.DataTree, group: str) -> xr.Dataset:
    """Return values with the names that do not depend on the kind; ‖δ‖₂ is NaN if not known."""
    held = {new: values[old].drop_attrs() for old, new in NAMES[group].items() if old in values}
    require(
        "cosine" in held and bool(held["gradient_norm"].notnull().any()),
        f"a result of '{result.attrs.get('study', 'unknown')}' has no margins, gradients and "
        "angles: its classifier has no gradients; compare accuracies with pyrosnn compare",
    )
    in_l2 = read_spec(result).get("norm", "l2") == "l2"
    if group == STANDARD:
        in_l2 = values["threat_norm"] == "l2"
    held.setdefault("length", held["norm"].where(in_l2))
    return values.assign(held)


def _with_length(first: xr.Dataset, second: xr.Dataset) -> tuple[xr.Dataset, xr.Dataset]:
    """Return both without the threats under which a length of δ is not known."""
    over = [dim for dim in first["length"].dims if dim != "threat"]
    known = first["length"].notnull().all(over) & second["length"].notnull().all(over)
    require(
        bool(known.any()),
        f"the results do not hold {LENGTH}: they were written before it was kept; run both again",
    )
    if "threat" in known.dims:
        return first.sel(threat=known), second.sel(threat=known)
    return first, second
