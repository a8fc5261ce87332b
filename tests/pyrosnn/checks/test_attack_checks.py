"""Checks of what an attack does: it breaks images, lowers their margins, and uses all of A."""

from typing import Any

import numpy as np
import pytest
import xarray as xr
from support.simulated import planted

from pyrosnn.checks.attack_direction import attack_direction
from pyrosnn.checks.attack_effect import attack_effect
from pyrosnn.checks.attack_sizes import attack_sizes
from pyrosnn.results import GROUP, compact_result

IMAGES = 60
SIZES = (1, 10)


def result_of(
    *, correct: np.ndarray | None = None, cosines: Any = (0.3, 0.5), **changes: Any
) -> xr.DataTree:
    """Return a result of images in ten classes, all correct without an attack."""
    correct = np.zeros((2, IMAGES, 2), dtype=bool) if correct is None else correct
    result = planted(correct, cosines=cosines, attack_samples=SIZES, **changes)
    labels = ("example", np.arange(IMAGES) % 10)
    result[GROUP] = xr.DataTree(result[GROUP].dataset.assign_coords(label=labels))
    return result


def clean(result: xr.DataTree, right: Any) -> xr.DataTree:
    """Return the result with other images correct without an attack."""
    values = result[GROUP].dataset
    held = values["clean_correct"] & xr.DataArray(right, dims="example")
    result[GROUP] = xr.DataTree(values.assign(clean_correct=held))
    return result


# --- attack-effect -----------------------------------------------------------------------------


def test_an_attack_that_changes_nothing_fails() -> None:
    same = attack_effect(result_of(correct=np.ones((2, IMAGES, 2), dtype=bool)))
    assert (same.status, same.value) == ("fail", 0.0)
    assert "none of 120 correct predictions changes at any strength up to 0.5" in same.message
    one = np.ones((2, IMAGES, 2), dtype=bool)
    one[1, 5, 1] = False
    found = attack_effect(result_of(correct=one))
    assert found.status == "pass"
    assert found.value == pytest.approx(1 / 120)


def test_an_attack_that_repairs_as_much_as_it_breaks_warns() -> None:
    before, after = np.arange(IMAGES) < 40, np.arange(IMAGES) >= 20
    correct = np.broadcast_to(after[:, None], (2, IMAGES, 2))
    found = attack_effect(clean(result_of(correct=correct), before))
    assert found.status == "warn"  # 20 of each in every repeat
    assert "breaks 40 at η = 0.5, and repairs 40" in found.message
    fewer = np.array(correct)
    fewer[:, -1] = False
    assert attack_effect(clean(result_of(correct=fewer), before)).status == "pass"


def test_without_correct_images_or_strengths_nothing_can_be_broken() -> None:
    assert attack_effect(clean(result_of(), np.arange(IMAGES) < 4)).status == "skipped"
    assert attack_effect(result_of(strengths=(0.0,))).status == "skipped"


# --- attack-direction --------------------------------------------------------------------------


def cosines_of(mean: float, *, flipped: int | None = None, spread: float = 0.2) -> np.ndarray:
    """Return noisy cosines, shape (repeat, image, S_A), those of one class with another sign."""
    rng = np.random.default_rng(0)
    noisy = mean + spread * rng.normal(size=(2, IMAGES, 2))
    sign = np.where(np.arange(IMAGES) % 10 == flipped, -1, 1)
    return np.asarray(sign[:, None] * noisy)


def test_a_sign_flipped_for_one_class_fails() -> None:
    assert attack_direction(result_of(cosines=cosines_of(0.4))).status == "pass"
    found = attack_direction(result_of(cosines=cosines_of(0.4, flipped=3)))
    assert found.status == "fail"
    assert "images of class 3 are moved the wrong way" in found.message
    assert found.value == pytest.approx(-0.4, abs=0.2)
    assert attack_direction(result_of(cosines=-cosines_of(0.4))).status == "fail"


def test_a_direction_of_no_meaning_warns() -> None:
    found = attack_direction(result_of(cosines=cosines_of(0.0)))
    assert (found.status, found.reason) == ("warn", "moves images in no direction that matters")


def test_images_that_predicted_labels_turn_round_are_left_out() -> None:
    result = result_of(cosines=cosines_of(0.4, flipped=3), spec={"labels": "predicted"})
    values = result[GROUP].dataset
    right = values["attack_correct"] & (values["label"] != 3)
    result[GROUP] = xr.DataTree(values.assign(attack_correct=right))
    assert attack_direction(result).status == "pass"


def test_few_cosines_are_skipped() -> None:
    cosines = np.full((2, IMAGES, 2), np.nan)
    cosines[:, :9] = 0.5
    assert attack_direction(result_of(cosines=cosines)).status == "skipped"
    assert attack_direction(result_of(strengths=(0.0,))).status == "skipped"


# --- attack-sizes ------------------------------------------------------------------------------


@pytest.mark.parametrize("compact", [False, True])
def test_the_same_samples_again_fail(compact: bool) -> None:
    def found(cosines: np.ndarray, **spec: Any) -> str:
        result = result_of(cosines=cosines, spec=spec)
        return attack_sizes(compact_result(result) if compact else result).status

    other = cosines_of(0.4)
    same = np.repeat(other[..., :1], 2, axis=-1)
    assert found(other) == "pass"
    assert found(same) == "fail"
    assert found(same, attack="external") == "warn"
    assert found(same, attack="random") == "skipped"
    one_differs = same.copy()
    one_differs[0, 0, 1] += 0.01
    assert found(one_differs) == "pass"


def test_one_size_alone_is_skipped() -> None:
    result = planted(np.zeros((2, 20, 1), dtype=bool), cosines=[0.5], attack_samples=[10])
    assert "has S_A = 10 alone" in attack_sizes(result).message
    nothing = result_of(cosines=np.full((2, IMAGES, 2), np.nan))
    assert "needs 10 cosines, has 0" in attack_sizes(nothing).message
