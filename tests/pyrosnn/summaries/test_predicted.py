"""Targeted success and confusions, counted by hand."""

from typing import Any

import numpy as np
import pytest
import xarray as xr
from support.small_result import SIZES, small_result

from pyrosnn.errors import ArgumentError
from pyrosnn.results import GROUP, VARIABLES
from pyrosnn.summaries import confusion_matrix, targeted_success

LABELS = [0, 1, 1, 2, 40_000]


@pytest.fixture
def result() -> xr.DataTree:
    """Classes 0, 1, 2 and one that 16 bits do not hold."""
    result = small_result()
    dims = ("repeat", *VARIABLES["predicted_class"].dims)
    shape = [SIZES[dim] for dim in dims]
    drawn = np.random.default_rng(0).choice([0, 1, 2, 40_000], size=shape).astype("int32")
    values = result[GROUP].dataset.assign(predicted_class=(dims, drawn))
    result[GROUP] = xr.DataTree(values.assign_coords(label=("example", LABELS)))
    return result


@pytest.mark.parametrize("target", [1, 40_000, [1, 0, 2, 0, 0]])
def test_targeted_success_is_the_share_of_images_taken_for_the_target(
    result: xr.DataTree, target: Any
) -> None:
    found = targeted_success(result, target)
    predicted = result[GROUP].dataset["predicted_class"].values
    targets = np.broadcast_to(target, 5)
    aimed = [i for i in range(5) if targets[i] != LABELS[i]]
    expected = np.mean([predicted[:, i] == targets[i] for i in aimed], axis=0)
    assert found.dims == ("repeat", "strength", "attack_samples", "inference_samples")
    np.testing.assert_allclose(found.values, expected)
    assert 0 < found.values.mean() < 1


@pytest.mark.parametrize("strength", [None, 0.25])
def test_confusions_are_counted(result: xr.DataTree, strength: float | None) -> None:
    found = confusion_matrix(result, strength)
    assert found["true_class"].values.tolist() == [0, 1, 2, 40_000]
    place = 2 if strength is None else 1
    predicted = result[GROUP].dataset["predicted_class"].values[:, :, place]
    for true in (0, 1, 2, 40_000):
        rows = [i for i in range(5) if LABELS[i] == true]
        for other in (0, 1, 2, 40_000):
            counted = (predicted[:, rows] == other).sum(1)
            np.testing.assert_array_equal(found.sel(true_class=true, predicted=other), counted)
    assert int(found.sum()) == predicted.size


def test_what_cannot_be_counted_is_refused(result: xr.DataTree) -> None:
    with pytest.raises(
        ArgumentError, match=r"one for each of the 5 images, got int64 of shape \(4"
    ):
        targeted_success(result, [1, 2, 3, 4])
    with pytest.raises(ArgumentError, match=r"target must be a class, or.*got float64"):
        targeted_success(result, np.ones(5))
    with pytest.raises(ArgumentError, match="every image is of the target's class"):
        targeted_success(result, LABELS)
    with pytest.raises(ArgumentError, match=r"has no strength 3; it has 0, 0\.25, 0\.5"):
        confusion_matrix(result, 3.0)
    for summary in (confusion_matrix, lambda result: targeted_success(result, 1)):
        with pytest.raises(ArgumentError, match="the result has no predicted_class"):
            summary(small_result())
