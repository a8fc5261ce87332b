"""Comparability of two results: the same data and attack, and common coordinates."""

from collections.abc import Mapping
from typing import Any

import xarray as xr

from pyrosnn.errors import require
from pyrosnn.results import GROUP, read_provenance, read_spec

# Strengths that differ by less are the same: 0.1 + 0.2 and 0.3.
NEAR = 1e-9

# What both results must have alike, with what a result without the setting has.
SETTINGS: dict[str, Any] = {
    "attack": None,
    "attack_options": {},
    "norm": None,
    "labels": None,
    "clip": False,
    "clip_judged": False,
}
# The same of standard evaluations.
STANDARD_SETTINGS: dict[str, Any] = {
    "protocol": None,
    "attack": None,
    "clip": True,
    "inference_samples": None,
}


def check_comparable(first: xr.DataTree, second: xr.DataTree) -> None:
    """Refuse two results unless they have the same attack and data.

    Args:
        first: a result.
        second: another one.

    Raises:
        ArgumentError: naming the setting that differs, with both its values.
    """
    for result in (first, second):
        require(
            GROUP in result.children,
            f"a result of '{result.attrs.get('study')}' has no values of attacked images; "
            "compare results of sample-size, inference-size or conditions, two of evaluate, or two "
            "with certificates",
        )
    check_same_data(first, second)
    check_same_settings(first, second, SETTINGS)


def check_same_data(first: xr.DataTree, second: xr.DataTree) -> None:
    """Refuse results of two data sets.

    Args:
        first: a result.
        second: another one.

    Raises:
        ArgumentError: naming both, or the result that does not say.
    """
    made = [read_provenance(result) for result in (first, second)]
    digests = [provenance.get("dataset_digest", "") for provenance in made]
    for which, digest in zip(("first", "second"), digests, strict=True):
        require(
            digest != "",
            f"the {which} result does not say what its data set is; results are compared on the "
            "same images: give make_result a provenance with 'dataset_digest': dataset.digest",
        )
    names = " and ".join(
        f"{provenance.get('dataset')} ({digest[:8]})"
        for provenance, digest in zip(made, digests, strict=True)
    )
    require(
        digests[0] == digests[1],
        f"the results are of two data sets, {names}; compare models on the same images",
    )


def check_same_settings(
    first: xr.DataTree, second: xr.DataTree, settings: Mapping[str, Any]
) -> None:
    """Refuse results that differ in a setting.

    Args:
        first: a result.
        second: another one.
        settings: what both must have alike, with what a result without the setting has.

    Raises:
        ArgumentError: naming the setting, with both its values.
    """
    specs = [read_spec(result) for result in (first, second)]
    for name, default in settings.items():
        one, other = (spec.get(name, default) for spec in specs)
        require(
            one == other,
            f"the results differ in '{name}': {one} in the first, {other} in the second; "
            "run one again with the other's setting",
        )


def listed(values: xr.Dataset, name: str) -> str:
    """Return the values of a coordinate as text."""
    return ", ".join(f"{value:g}" for value in values[name].values)


def common_strengths(first: xr.Dataset, second: xr.Dataset) -> list[float]:
    """Return the strengths that both results have, rising.

    Raises:
        ArgumentError: for none, naming the strengths that they have.
    """
    grids = [values["strength"].values for values in (first, second)]
    common = sorted(float(eta) for eta in grids[0] if (abs(grids[1] - eta) < NEAR).any())
    require(
        len(common) > 0,
        f"the results have no strength in common: {listed(first, 'strength')} and "
        f"{listed(second, 'strength')}; run one again with --strength",
    )
    return common


def chosen_strength(common: list[float], strength: float | None) -> float:
    """Return the common strength that is meant; the largest for None.

    Raises:
        ArgumentError: naming the strengths that both have.
    """
    if strength is None:
        return common[-1]
    near = [eta for eta in common if abs(eta - strength) < NEAR]
    has = ", ".join(f"{eta:g}" for eta in common)
    require(len(near) > 0, f"strength {strength:g} is not in both results; common are {has}")
    return near[0]


def at_strengths(values: xr.Dataset, strengths: list[float]) -> xr.Dataset:
    """Return the values at strengths that a result has, up to rounding, under their names."""
    grid = values["strength"].values
    places = [int(abs(grid - eta).argmin()) for eta in strengths]
    return values.isel(strength=places).assign_coords(strength=strengths)
