"""`image-classes`: data that are sorted by class are found, chance is not."""

import numpy as np
import pytest
import xarray as xr
from support.small_result import SIZES, small_result

from pyrosnn.checks.image_classes import RARE, image_classes, missing_classes


@pytest.mark.parametrize(
    ("labels", "number", "missing"),
    [
        ([0] * 20, 5, 4),
        ([0] * 49 + [1], 5, 3),
        ([0, 1, 2, 3, 4], 5, 0),
        ([3], 10, 0),  # one image cannot be of more
        ([0, 0, 0], 3, 0),  # 3 (1 / 3)³ = 0.11
        ([0] * 12, 2, 1),  # 2 (1 / 2)¹² = 0.0005
    ],
)
def test_classes_that_chance_would_not_leave_out(
    labels: list[int], number: int, missing: int
) -> None:
    assert missing_classes(np.array(labels), number) == missing


@pytest.mark.statistical
def test_chance_is_found_rarely() -> None:
    """At most 1 of 1,000 samples of equally likely classes; above 8 of 4,000 once in 50 seeds."""
    rng = np.random.default_rng(0)
    found = sum(
        missing_classes(rng.integers(0, number, size), number) > 0
        for number in (2, 5, 10, 100)
        for size in rng.integers(1, 60, 1000)
    )
    assert found <= 4000 * RARE + 4


def test_a_result_says_which_classes_it_has() -> None:
    sizes = {**SIZES, "example": 40}
    assert image_classes(small_result(sizes)).status == "skipped"  # as of an older pyrosnn
    mixed = small_result(sizes, num_classes=10)
    assert image_classes(mixed).status == "pass"
    values = mixed["evaluation"].dataset
    mixed["evaluation"] = xr.DataTree(values.assign_coords(label=0 * values["label"] + 7))
    found = image_classes(mixed)
    assert (found.status, found.value) == ("fail", 9.0)
    assert found.message.startswith("the 40 images are of 1 of 10 classes (label 7), as in data")
