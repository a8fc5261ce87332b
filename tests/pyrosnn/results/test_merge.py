"""Merged parts are the whole, in any order; what does not belong together is refused."""

import json
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from support.small_result import part_of, small_result
from support.studies import run_study

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, MergeError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.results import (
    GROUP,
    merge_results,
    open_results,
    read_provenance,
    read_spec,
    save_results,
)
from pyrosnn.results.merge import SETTINGS
from pyrosnn_studies.diagnosis import DiagnosisSpec
from pyrosnn_studies.grid import GridSpec

WHOLE = small_result()


def same(merged: xr.DataTree, whole: xr.DataTree) -> None:
    """Check that two results are identical: values, types, labels, settings, attributes."""
    assert list(merged.children) == list(whole.children)
    for name in whole.children:
        xr.testing.assert_identical(merged[name].to_dataset(), whole[name].to_dataset())
        for key, variable in whole[name].to_dataset().variables.items():
            assert merged[name].to_dataset().variables[key].dtype == variable.dtype
    assert merged.attrs == whole.attrs


@pytest.mark.slow
@given(st.data(), st.sampled_from(sorted(SETTINGS)))
def test_any_partition_in_any_order_is_the_whole(data: st.DataObject, dim: str) -> None:
    places = list(range(WHOLE[GROUP].sizes[dim]))
    owners = data.draw(st.lists(st.integers(0, 2), min_size=len(places), max_size=len(places)))
    parts = [
        part_of(WHOLE, **{dim: [at for at in places if owners[at] == owner]})
        for owner in sorted(set(owners))
    ]
    same(merge_results(data.draw(st.permutations(parts))), WHOLE)


@pytest.mark.slow
@given(st.data())
def test_parts_over_two_dimensions_and_overlaps(data: st.DataObject) -> None:
    cut, over = data.draw(st.integers(1, 2)), data.draw(st.integers(0, 1))
    parts = [
        part_of(WHOLE, repeat=repeat, example=example)
        for repeat in (slice(0, cut + over), slice(cut, None))
        for example in (slice(0, 3), slice(3 - over, None))
    ]
    same(merge_results(data.draw(st.permutations(parts))), WHOLE)


@pytest.mark.slow
def test_files_of_real_studies(bnn: StochasticClassifier, digits: Dataset, tmp_path: Any) -> None:
    grid = GridSpec(
        images=20, strengths=(0.0, 0.5), attack_samples=(1, 4), inference_samples=(6,), repeats=2,
        block_size=10,
    )  # fmt: skip
    diagnosis = DiagnosisSpec(
        images=20, num_samples=40, strength=0.5, attack_samples=(1, 4), inference_samples=6,
        repeats=2, block_size=10,
    )  # fmt: skip
    for whole in (
        run_study("sample-size", grid, bnn, digits),
        run_study("diagnosis", diagnosis, bnn, digits),
    ):
        save_results(tmp_path / "whole.nc", whole, overwrite=True)
        whole = open_results(tmp_path / "whole.nc")
        for dim, place in (("repeat", 1), ("example", 10), ("attack_samples", 1)):
            halves = [slice(place, None), slice(0, place)]
            same(merge_results([part_of(whole, **{dim: half}) for half in halves]), whole)


@pytest.mark.slow
@pytest.mark.parametrize("part", [{"first_repeat": 1, "repeats": 1}, {"first_image": 10}])
def test_parts_of_a_diagnosis_are_those_of_one_run(
    part: dict[str, int], bnn: StochasticClassifier, digits: Dataset
) -> None:
    common: dict[str, Any] = {
        "num_samples": 40, "strength": 0.5, "attack_samples": (2,), "inference_samples": 3,
        "block_size": 10,
    }  # fmt: skip
    whole = DiagnosisSpec(images=20, repeats=2, **common)
    first = {"images": 10, "repeats": 2} if "first_image" in part else {"images": 20, "repeats": 1}
    parts = [DiagnosisSpec(**{**common, **first, **more}) for more in (part, {})]
    merged = merge_results([run_study("diagnosis", spec, bnn, digits) for spec in parts])
    one = run_study("diagnosis", whole, bnn, digits)
    for group in (GROUP, "moments"):
        xr.testing.assert_identical(merged[group].to_dataset(), one[group].to_dataset())
    assert read_spec(merged) == read_spec(one)


def test_sizes_that_were_run_apart_are_those_of_one_run(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    """Sample sets are nested, so that runs of other sizes and strengths are parts of one."""
    common: dict[str, Any] = {"images": 10, "inference_samples": (6,), "repeats": 1}
    whole = GridSpec(strengths=(0.0, 0.5), attack_samples=(1, 4), **common)
    apart = [
        GridSpec(strengths=(strength,), attack_samples=(1, 4), **common) for strength in (0.5, 0.0)
    ]
    one = run_study("sample-size", whole, bnn, digits)
    merged = merge_results([run_study("sample-size", spec, bnn, digits) for spec in apart])
    xr.testing.assert_identical(merged[GROUP].to_dataset(), one[GROUP].to_dataset())
    assert read_spec(merged) == read_spec(one)


def test_the_spec_says_what_the_union_is() -> None:
    merged = merge_results([part_of(WHOLE, example=slice(2, 4), strength=[at]) for at in (2, 1)])
    spec = read_spec(merged)
    assert (spec["images"], spec["first_image"], spec["repeats"]) == (2, 2, 3)
    assert spec["strengths"] == [0.25, 0.5]
    rest = part_of(WHOLE, strength=slice(1, None), example=[0, 1, 4])
    again = merge_results([merged, rest])
    assert (read_spec(again)["images"], read_spec(again)["first_image"]) == (5, 0)


def test_provenance_keeps_each_run() -> None:
    runs = [small_result(threads=threads, wall_time_s=float(threads)) for threads in (1, 2)]
    parts = [part_of(run, repeat=[at]) for run in runs for at in (0, 1)]
    made = read_provenance(merge_results(parts))
    assert (made["model"], made["wall_time_s"]) == ("bnn", 3.0)
    assert "threads" not in made
    assert [part["threads"] for part in made["parts"]] == [1, 2]
    again = merge_results([merge_results(parts), part_of(runs[0], repeat=[2])])
    assert read_provenance(again) == made


def changed(key: str, attribute: str, value: Any) -> xr.DataTree:
    part = part_of(WHOLE, repeat=[1, 2])
    settings = {**json.loads(part.attrs[attribute]), key: value}
    part.attrs[attribute] = json.dumps(settings)
    return part


def scaled() -> xr.DataTree:
    part = part_of(WHOLE, repeat=[0, 1])
    part[GROUP]["cosine"] = part[GROUP]["cosine"] * 2
    return part


def without(name: str) -> xr.DataTree:
    part = part_of(WHOLE, repeat=[1, 2])
    part[GROUP] = xr.DataTree(part[GROUP].to_dataset().drop_vars(name))
    return part


def relabelled() -> xr.DataTree:
    part = part_of(WHOLE, repeat=[1, 2])
    part[GROUP]["label"] = part[GROUP]["label"] + 1
    return part


def compact() -> xr.DataTree:
    part = part_of(WHOLE, repeat=[1, 2])
    part.attrs["compact"] = "float32"
    return part


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (changed("norm", "spec", "linf"), r"a\.nc has norm l2, b\.nc has linf"),
        (changed("seed", "provenance", 7), r"a\.nc and b\.nc differ in seed: 0 and 7"),
        (changed("model_digest", "provenance", "f" * 64), "differ in model_digest: a+… and f+…"),
        (changed("dataset", "provenance", "cifar10"), "differ in dataset: digits and cifar10"),
        (scaled(), r"b\.nc has another cosine than an earlier part at repeat 0, example 0, "),
        (without("margin"), r"b\.nc has no margin, a\.nc has it"),
        (relabelled(), r"b\.nc has another label than an earlier part at example 0"),
        (compact(), r"a\.nc has compact None, b\.nc has float32"),
        (part_of(WHOLE, repeat=[2]), "repeat 1 is missing between 0 and 2"),
        (part_of(WHOLE, repeat=[1], example=[0, 1]), "no part has .* at repeat 1, example 2"),
    ],
)  # fmt: skip
def test_clashes_are_refused_with_the_reason(part: xr.DataTree, message: str) -> None:
    first = part_of(WHOLE, repeat=[0])
    with pytest.raises(MergeError, match=message):
        merge_results([first, part], ["a.nc", "b.nc"])


def test_nothing_to_merge() -> None:
    with pytest.raises(ArgumentError, match="got no results"):
        merge_results([])
    same(merge_results([WHOLE]), WHOLE)
    assert np.isnan(WHOLE[GROUP]["cosine"].to_numpy()).any()  # NaN that overlaps NaN is no clash
