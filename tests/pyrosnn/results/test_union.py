"""Datasets joined by their coordinates: what studies' cells need beyond merged results."""

import re
from collections.abc import Sequence

import numpy as np
import pytest
import xarray as xr

from pyrosnn.errors import MergeError
from pyrosnn.results.dataset import with_repeat
from pyrosnn.results.union import merge_datasets


def part(**coords: Sequence[float] | Sequence[str]) -> xr.Dataset:
    """Return a dataset whose values say where they are."""
    values = xr.DataArray(np.zeros([len(labels) for labels in coords.values()]), coords=coords)
    for place, (name, labels) in enumerate(coords.items()):
        if not isinstance(labels[0], str):
            values = values + 10.0**place * values[name]
    return xr.Dataset({"value": values.transpose(*coords)})


def test_any_coordinate_of_numbers_is_joined() -> None:
    parts = [part(temperature=[2.0], example=[0, 1]), part(temperature=[0.5], example=[1, 0])]
    merged = merge_datasets(parts, ["a", "b"])
    xr.testing.assert_identical(merged, part(temperature=[0.5, 2.0], example=[0, 1]))


def test_coordinates_that_all_parts_have_keep_their_order() -> None:
    parts = [part(repeat=[at], smoothness=[9.0, 4.0]) for at in (1, 0)]
    merged = merge_datasets(parts, ["a", "b"])
    xr.testing.assert_identical(merged, part(repeat=[0, 1], smoothness=[9.0, 4.0]))


def test_parts_of_scattered_coordinates_fill_each_others_gaps() -> None:
    parts = [part(example=[0, 3], repeat=[0, 1]), part(example=[1, 2, 4], repeat=[0, 1])]
    merged = merge_datasets(parts, ["a", "b"])
    xr.testing.assert_identical(merged, part(example=[0, 1, 2, 3, 4], repeat=[0, 1]))


def test_a_variable_need_not_be_in_all_parts() -> None:
    parts = [part(repeat=[at], example=[0, 1]) for at in (0, 1)]
    shares = [xr.Dataset({"share": ("repeat", [at / 2])}, {"repeat": [at]}) for at in (0, 1)]
    merged = merge_datasets([*parts, *shares], ["a", "b", "c", "d"])
    assert merged["share"].values.tolist() == [0.0, 0.5]
    xr.testing.assert_identical(
        merged[["value"]], merge_datasets(parts, ["a", "b"])[["value", "example"]]
    )
    with pytest.raises(MergeError, match="no part has share at repeat 1; "):
        merge_datasets([*parts, shares[0]], ["a", "b", "c"])


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (part(example=[0], variant=["b"]), "a and b have other values of variant"),
        (part(example=[0], variant=["a"]) + 1, "b has another value than an earlier part at exam"),
        (part(variant=["a"], example=[0]), "value has the dimensions ('example', 'variant') and"),
        (part(example=[0], variant=["a"]).astype("f4"), "value is float64 in a and float32 in b"),
    ],
)
def test_what_cannot_be_joined_is_refused(other: xr.Dataset, message: str) -> None:
    first = part(example=[0], variant=["a"])
    with pytest.raises(MergeError, match=re.escape(message)):
        merge_datasets([first, other], ["a", "b"])


def test_dimensions_without_coordinates_have_one_size() -> None:
    parts = [xr.Dataset({"value": ("what", np.zeros(size))}) for size in (2, 3)]
    with pytest.raises(MergeError, match=r"value has the shape \(3,\) in b, expected \(2,\)"):
        merge_datasets(parts, ["a", "b"])


def test_a_repeat_is_put_in_front_once() -> None:
    once = with_repeat(part(example=[0, 1]), 3)
    assert once["value"].dims == ("repeat", "example")
    assert once["repeat"].values.tolist() == [3]
    assert with_repeat(once, 4) is once
