"""Checks that read the settings of a result: labels, judged image, steps, unit of strengths."""

import json
from typing import Any

import numpy as np
import pytest
import xarray as xr
from support.simulated import law, planted, with_accuracy

from pyrosnn.checks import Finding
from pyrosnn.checks.attack_samples import attack_samples
from pyrosnn.checks.attack_strength import attack_strength
from pyrosnn.checks.attacked_labels import attacked_labels
from pyrosnn.checks.judged_image import judged_image
from pyrosnn.checks.reach_bound import bound, mean_cosines
from pyrosnn.checks.strength_range import strength_range
from pyrosnn.results import GROUP, read_spec

SIZES = (1, 10)


def result_of(spec: dict[str, Any] | None = None, **changes: Any) -> xr.DataTree:
    options = {"cosines": law(SIZES, 5.0), "attack_samples": SIZES, **changes}
    sizes = len(options["attack_samples"])
    return planted(with_accuracy([0.5] * sizes, images=40), spec=spec, **options)


def without(result: xr.DataTree, *keys: str) -> xr.DataTree:
    spec = {key: value for key, value in read_spec(result).items() if key not in keys}
    result.attrs["spec"] = json.dumps(spec)
    return result


def misclassified(result: xr.DataTree, share: float) -> xr.DataTree:
    """Return a result whose first images A misclassifies; these are right under attack."""
    values = result[GROUP].dataset
    wrong = values["example"] < share * values.sizes["example"]
    result[GROUP] = xr.DataTree(values.assign(attack_correct=values["attack_correct"] & ~wrong))
    return result


def test_predicted_labels_fail_unless_they_are_the_true_ones() -> None:
    predicted = {"labels": "predicted"}
    found = attacked_labels(misclassified(result_of(predicted), 0.1))
    assert found.status == "fail"
    assert found.value == pytest.approx(0.1)
    assert "misclassifies 10.0% of the images" in found.message
    assert attacked_labels(result_of(predicted)).status == "pass"
    assert attacked_labels(misclassified(result_of(), 0.1)).status == "pass"
    assert attacked_labels(without(result_of(), "labels")).status == "skipped"


def test_what_was_right_without_an_attack_is_not_counted() -> None:
    result = misclassified(result_of({"labels": "predicted"}, strengths=(0.0, 0.5)), 0.5)
    values = result[GROUP].dataset
    correct = values["adversarial_correct"].where(values["strength"] == 0, False)
    result[GROUP] = xr.DataTree(values.assign(adversarial_correct=correct.astype(bool)))
    found = attacked_labels(result)
    assert (found.status, found.value) == ("fail", 0.0)


@pytest.mark.parametrize(
    ("clip", "clip_judged", "status"),
    [(False, True, "fail"), (True, True, "pass"), (True, False, "pass"), (False, False, "pass")],
)
def test_an_image_that_is_clipped_after_the_attack_fails(
    clip: bool, clip_judged: bool, status: str
) -> None:
    spec = {"clip": clip, "clip_judged": clip_judged}
    assert judged_image(result_of(spec)).status == status


def test_settings_that_are_missing_are_those_of_older_files() -> None:
    assert judged_image(without(result_of(), "clip_judged")).status == "pass"
    assert judged_image(without(result_of(), "clip_judged", "clip")).status == "skipped"


@pytest.mark.parametrize(
    ("attack", "options", "status", "reason"),
    [
        ("fgm", {}, "warn", "takes one step"),
        ("pgd", {"steps": 1}, "warn", "takes one step"),
        ("pgd", {"steps": 5}, "warn", "takes 5 steps only"),
        ("pgd", {"steps": 10}, "pass", ""),
        ("random", {"draws": 10}, "fail", "is no attack but random noise"),
        ("transfer", {}, "warn", "attacks another model"),
        ("square", {"queries": 5000}, "warn", "follows no gradient"),
        ("external", {"function": "mine"}, "skipped", ""),
    ],
)
def test_few_steps_warn(attack: str, options: dict[str, Any], status: str, reason: str) -> None:
    found = attack_strength(result_of({"attack": attack, "attack_options": options}))
    assert (found.status, found.reason) == (status, reason)


def ranged(
    strengths: tuple[float, ...], bounds: Any, *, norm: str = "linf", shape: Any = (1, 8, 8)
) -> Finding:
    made = {"bounds": bounds, "image_shape": list(shape) if shape else None}
    return strength_range(result_of({"norm": norm}, strengths=strengths, provenance=made))


def test_a_strength_in_another_unit_than_the_pixels_fails() -> None:
    tiny = ranged((0.0, 8 / 255), [0, 255])
    assert tiny.status == "fail"
    assert "ℓ∞ 8/255 is nearly nothing: pixels go from 0 to 255" in tiny.message
    large = ranged((8.0,), [0.0, 1.0])
    assert (large.status, large.value) == ("fail", 8.0)
    assert ranged((8 / 255, 8.0), [0.0, 1.0]).status == "pass"  # one of them is in use
    assert ranged((8.0,), [0, 255]).status == "pass"
    assert ranged((0.6,), [0.0, 1.0], norm="l2").status == "pass"
    assert ranged((0.6,), [0, 255], norm="l2").status == "fail"
    assert ranged((5.0,), [0.0, 1.0], norm="l2").status == "fail"  # grey is 4 away
    assert ranged((5.0,), [0.0, 1.0], norm="l2", shape=None).status == "pass"  # for all it says
    assert ranged((1.5,), [0.0, 1.0], norm="l1").status == "pass"


def test_a_range_that_is_not_known_is_skipped() -> None:
    for bounds in (None, [], [1.0], ["a", "b"], [1.0, 0.0]):
        assert ranged((0.5,), bounds).status == "skipped"
    assert ranged((0.0,), [0.0, 1.0]).status == "skipped"
    minimal = result_of({"minimises_norm": True}, provenance={"bounds": [0.0, 0.001]})
    assert strength_range(minimal).status == "skipped"


# --- too few samples ---------------------------------------------------------------------------


def sampled(sizes: tuple[int, ...], *, noise_scale: float = 1.0, **spec: Any) -> Finding:
    cosines = law(sizes, noise_scale)
    return attack_samples(result_of(spec, attack_samples=sizes, cosines=cosines))


def test_an_upper_bound_never_passes() -> None:
    found = sampled((10, 100, 1000))
    assert (found.status, found.value) == ("skipped", None)
    assert "S_A = 1000 has at most 100% of the reachable" in found.message
    assert "interval" not in found.message
    assert sampled((100,)).status == "skipped"
    low = sampled((10, 100, 1000), noise_scale=2000)
    assert low.status == "warn"
    assert low.value == pytest.approx((1 + 2) ** -0.5, abs=0.01)


def test_small_sets_warn_by_the_samples_that_were_seen() -> None:
    small = sampled((1, 10))
    assert (small.status, small.value) == ("warn", 1.0)
    assert "no S_A is above 10" in small.message
    assert sampled((10,)).status == "warn"
    fresh = {"steps": 10, "fixed_samples": False}
    assert "only 90 samples were seen" in sampled((9,), attack="pgd", attack_options=fresh).message
    assert sampled((10,), attack="pgd", attack_options=fresh).status == "skipped"
    fixed = sampled((10,), attack="pgd", attack_options={**fresh, "fixed_samples": True})
    assert fixed.status == "warn"
    assert "one fixed A of 10 samples, and may overfit it" in fixed.message


@pytest.mark.statistical
def test_images_that_share_a_draw_are_not_independent() -> None:
    """150 results of 10 draws: at most 5 % fail falsely, and three standard errors.

    The true share is the limit itself. Images of a draw have the same error of their cosines.
    """
    rng, sizes, fails = np.random.default_rng(0), np.array([1.0, 10.0, 100.0]), 0
    cosines = law((1, 10, 100), 100 * (1 / 0.8**2 - 1), 0.8)
    for _ in range(150):
        sums = 8 * (cosines + rng.normal(size=(10, 3), scale=0.015))
        found = bound(sizes, sums, np.full(10, 8))
        assert found is not None
        assert found[1] is not None
        fails += found[1] < 0.8
    assert fails < 150 * 0.05 + 3 * (150 * 0.05) ** 0.5


def test_draws_are_blocks_of_images_in_each_repeat() -> None:
    """Two repeats of three images in blocks of two: four draws, one image without a cosine."""
    cosines = np.arange(1.0, 13.0).reshape(2, 3, 2) / 20
    cosines[1, 2, 0] = np.nan
    correct = np.zeros((2, 3, 2), dtype=bool)
    result = planted(correct, cosines=cosines, attack_samples=SIZES, spec={"block_size": 2})
    sums, counts = mean_cosines(result)
    assert sorted(counts.tolist()) == [1, 2, 2]
    expected = [cosines[0, :2].sum(0), cosines[0, 2], cosines[1, :2].sum(0)]
    assert sorted(map(tuple, sums.round(6))) == sorted(map(tuple, np.array(expected).round(6)))
