"""Merging of a study's partial results: different repeats, images or settings."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import xarray as xr

from pyrosnn.differences import differences
from pyrosnn.errors import MergeError, require
from pyrosnn.results.files import read_provenance, read_spec
from pyrosnn.results.union import check_no_gaps, check_same_variables, merge_datasets

# The setting that says what a dimension holds: how many, or which values.
SETTINGS = {
    "repeat": "repeats",
    "example": "images",
    "strength": "strengths",
    "attack_samples": "attack_samples",
    "inference_samples": "inference_samples",
}
# What a part picks from its images, whichever they are; a group that some parts may lack.
PICKED = ("shown",)
# Where a run begins that does not begin at 0; absent from the spec of one that does.
FIRST = {"repeat": "first_repeat", "example": "first_image"}
# Where it is a choice: which values; absent from the spec of a run without one.
CHOSEN = {"example": "indices"}

# What must be the same in parts of one result; threads, versions and times may differ.
_SAME = (
    "model",
    "model_digest",
    "training",
    "dataset",
    "dataset_digest",
    "seed",
    "output",
    "per_example",
    "bounds",
)


def merge_results(
    results: Sequence[xr.DataTree], names: Sequence[str] | None = None
) -> xr.DataTree:
    """Join results of the same study and settings over repeats, images, strengths and sizes.

    The parts may come in any order and may overlap where their values are equal; together they
    must fill the whole grid. The spec of the merged result has the union's numbers and values. Its
    provenance is that of the parts where they agree, and ``parts`` has each of them where not.

    Args:
        results: at least one result.
        names: what errors call them; by default ``result 1``, ``result 2`` …

    Raises:
        MergeError: for another study, setting, model, data set or seed, naming it; for values
            that differ where two results overlap; for a grid with holes.

    Example:
        >>> import pyrosnn
        >>> digits = pyrosnn.load_dataset("digits")
        >>> bnn = pyrosnn.train(pyrosnn.preset("bnn", epochs=2), digits)
        >>> x, y = digits.test_images(20)
        >>> A, I = pyrosnn.disjoint_sample_sets(bnn, x, attack=2, inference=5, seed=0)
        >>> sets = {"attack_samples": A, "inference_samples": I}
        >>> values = pyrosnn.evaluate(bnn, x, y, attack=pyrosnn.FGM(strength=0.5), **sets)
        >>> halves = [values.isel(example=slice(10, 20)), values.isel(example=slice(0, 10))]
        >>> made = {"study": "mine", "spec": {"images": 20}, "provenance": {}}
        >>> parts = [pyrosnn.results.make_result(half, **made) for half in halves]
        >>> merge_results(parts)["evaluation"].sizes["example"]
        20
    """
    require(len(results) >= 1, "got no results; expected at least one")
    names = names or [f"result {place + 1}" for place in range(len(results))]
    dims = {dim for result in results for node in result.children.values() for dim in node.dims}
    _check_same_kind(results, names)
    _check_same_settings(results, names, {str(dim) for dim in dims})
    first = results[0]
    groups = {}
    for name in dict.fromkeys(name for result in results for name in result.children):
        having = [place for place, result in enumerate(results) if name in result.children]
        parts = [results[place][name].to_dataset() for place in having]
        called = [names[place] for place in having]
        check_same_variables(parts, called)
        groups[name] = merge_datasets(parts, called, (*SETTINGS, *PICKED))
    spec = read_spec(first)
    for values in groups.values():
        for dim in FIRST:
            if CHOSEN.get(dim) not in spec:
                check_no_gaps(values, dim)
    merged = xr.DataTree.from_dict(
        {"/": xr.Dataset(), **{f"/{name}": values for name, values in groups.items()}}
    )
    merged.attrs = {
        key: value
        for key, value in first.attrs.items()
        if all(result.attrs.get(key) == value for result in results)
    }
    merged.attrs["spec"] = json.dumps(_union_spec(spec, groups), sort_keys=True)
    provenance = _union_provenance([read_provenance(result) for result in results])
    merged.attrs["provenance"] = json.dumps(provenance, sort_keys=True)
    return merged


def _check_same_kind(results: Sequence[xr.DataTree], names: Sequence[str]) -> None:
    for result, name in zip(results[1:], names[1:], strict=True):
        for key in ("study", "schema_version", "compact"):
            expected, actual = results[0].attrs.get(key), result.attrs.get(key)
            if expected != actual:
                raise MergeError(f"{names[0]} has {key} {expected}, {name} has {actual}")
        groups = [sorted({*tree.children} - {*PICKED}) for tree in (results[0], result)]
        if groups[0] != groups[1]:
            raise MergeError(f"{names[0]} has the groups {groups[0]}, {name} has {groups[1]}")


def _check_same_settings(
    results: Sequence[xr.DataTree], names: Sequence[str], dims: set[str]
) -> None:
    """Refuse differing settings, except those that give the extent of a merged dimension."""
    united = {table[dim] for table in (SETTINGS, FIRST, CHOSEN) for dim in dims & set(table)}
    for result, name in zip(results[1:], names[1:], strict=True):
        specs = [read_spec(tree) for tree in (results[0], result)]
        for key in sorted({*specs[0], *specs[1]}):
            expected, actual = (spec.get(key) for spec in specs)
            lists = isinstance(expected, list) and isinstance(actual, list)
            counts = key in {*FIRST.values(), *(SETTINGS[dim] for dim in FIRST)}
            if expected != actual and not (key in united and (lists or counts)):
                raise MergeError(
                    f"{names[0]} has {key} {expected}, {name} has {actual}; "
                    "merge parts of one study"
                )
        made = [read_provenance(tree) for tree in (results[0], result)]
        first, second = ({key: provenance.get(key) for key in _SAME} for provenance in made)
        for key, expected, actual in differences(first, second):
            raise MergeError(
                f"{names[0]} and {name} differ in {key}: {_short(expected)} and {_short(actual)}"
            )


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _union_spec(spec: Mapping[str, Any], groups: Mapping[str, xr.Dataset]) -> dict[str, Any]:
    """Return the settings with the numbers and values of the merged dimensions."""
    united = dict(spec)
    for dim, key in SETTINGS.items():
        held = [values[dim].to_numpy() for values in groups.values() if dim in values.coords]
        if not held or key not in spec:
            continue
        if isinstance(spec[key], list):
            united[key] = held[0].tolist()
        elif dim in FIRST:
            united[key] = len(held[0])
            begin = int(held[0][0])
            if CHOSEN.get(dim) in spec:
                united[CHOSEN[dim]] = held[0].tolist()
            elif begin != 0 or FIRST[dim] in spec:
                united[FIRST[dim]] = begin
    return united


def _union_provenance(made: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the provenance that all parts share, and the parts; equal parts are one run."""
    flat = [part for provenance in made for part in provenance.get("parts", [provenance])]
    parts = {json.dumps(part, sort_keys=True): part for part in flat}
    ordered = [parts[key] for key in sorted(parts)]
    if len(ordered) == 1:
        return dict(ordered[0])
    common = {
        key: value
        for key, value in ordered[0].items()
        if all(key in part and part[key] == value for part in ordered)
    }
    times = [part["wall_time_s"] for part in ordered if "wall_time_s" in part]
    total = {"wall_time_s": round(sum(times), 3)} if times else {}
    return {**common, **total, "parts": ordered}
