"""The diagnosis: advice of known moments, and prediction against measurement."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from support.small_result import SIZES, small_result
from support.studies import run_study

from pyrosnn.attacks import PGD
from pyrosnn.checks.attack_samples import attack_samples
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.results import GROUP, open_results, read_spec, save_results
from pyrosnn.summaries import advise, compare_results, mean_cosine, mean_reach, samples_needed
from pyrosnn.training import preset
from pyrosnn_studies import diagnosis
from pyrosnn_studies.comparison import comparison_tables
from pyrosnn_studies.diagnosis import DiagnosisSpec, attack_of
from pyrosnn_studies.diagnosis_tables import conclusion, verdict
from pyrosnn_studies.study import find_study
from pyrosnn_studies.subject import Subject

FOLDS = 20


def known(scales: list[float], spread: float = 0.0) -> xr.Dataset:
    """Moments of images with given noise scales B and ‖μ‖ = 1, known but for a spread of folds."""
    trace = np.repeat(np.array(scales)[:, None], 2, 1)
    square = np.ones_like(trace)
    wobble = 1 + spread * np.random.default_rng(0).standard_normal(FOLDS)
    dims = ("example", "direction")
    return xr.Dataset(
        {
            "direction_square": (dims, square),
            "direction_trace": (dims, trace),
            "direction_product": ("example", square[:, 0]),
            "direction_square_without": ((*dims, "fold"), square[..., None] * np.ones(FOLDS)),
            "direction_trace_without": ((*dims, "fold"), trace[..., None] * wobble),
            "direction_product_without": (("example", "fold"), square[:, :1] * np.ones(FOLDS)),
        },
        coords={
            "example": np.arange(len(scales)),
            "direction": ["attack", "condition"],
            "fold": np.arange(FOLDS),
        },
    )


@pytest.mark.parametrize("share", [0.9, 0.95, 0.99])
def test_the_advice_of_equal_images_is_the_closed_form(share: float) -> None:
    """S_A = B ρ² / (1 - ρ²): 4.3 B, 9.3 B, 49 B; known exactly where the folds agree."""
    found = advise(known([10.0, 10.0]), share=share)
    expected = math.ceil(10 * share**2 / (1 - share**2))
    assert abs(found.samples - expected) <= 1
    assert found.high - found.low <= 1
    reached = mean_reach(known([10.0]), [found.samples - 1, found.samples], 100).values
    assert reached[0] < share <= reached[1]


def test_unequal_images_are_weighted_by_what_they_can_reach() -> None:
    moments = known([1.0, 1000.0])
    cosines = mean_cosine(moments, [7, math.inf], 100).values
    each = [[1 / math.sqrt((1 + b / s) * (1 + b / 100)) for b in (1, 1000)] for s in (7, math.inf)]
    np.testing.assert_allclose(cosines, np.mean(each, 1))


def test_the_advice_says_how_sure_it_is() -> None:
    sure, unsure = advise(known([10.0], 0.001)), advise(known([10.0], 0.1))
    assert sure.high - sure.low < 0.1 * (unsure.high - unsure.low)
    assert unsure.low < unsure.samples < unsure.high


def test_advice_of_unclear_images_has_no_upper_end_and_says_so() -> None:
    """More than a tenth of the images within two standard errors of no gradient."""
    for unclear, known_high in ((1, True), (2, False)):
        moments = known([10.0] * 10, 0.01)
        wobble = 0.2 * np.random.default_rng(1).standard_normal(FOLDS)
        moments["direction_square_without"][:unclear] += wobble
        found = advise(moments)
        assert found.unclear == unclear
        assert found.undetermined == 0
        assert math.isfinite(found.high) == known_high


def test_advice_without_an_upper_end() -> None:
    """A fold that knows of no number leaves the estimate, and an interval without an end."""
    moments = known([10.0])
    moments["direction_square_without"][..., 3] = -0.1
    found = advise(moments)
    assert found.samples == advise(known([10.0])).samples
    assert (found.low, found.high) == (1, math.inf)
    wild = advise(known([10.0], 0.1), confidence=1 - 1e-15)
    assert math.isinf(wild.high) or wild.high > wild.samples
    away = known([10.0])
    for name in ("direction_product", "direction_product_without"):
        away[name] = -away[name]
    assert math.isinf(advise(away).samples)


def test_images_without_a_direction_are_counted_and_left_out() -> None:
    moments = known([10.0, 10.0])
    lost = moments.copy(deep=True)
    lost["direction_square"][1] = -0.1
    lost["direction_square_without"][1] = -0.1
    found = advise(lost)
    assert (found.samples, found.undetermined) == (advise(moments).samples, 1)
    lost["direction_square"][0] = -0.1
    assert math.isinf(advise(lost).samples)
    with pytest.raises(ArgumentError, match=r"share must be between 0 and 1, got 0\.0"):
        advise(moments, share=0.0)


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("model", ["bnn", "im", "sin"])
def test_predictions_meet_measurements_where_samples_are_many(
    model: str, classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    """Within 0.05 of the measured mean cosine at both sizes, from other samples.

    Predicted and measured speak of one class, so that nothing but the samples differs.
    """
    spec = DiagnosisSpec(
        images=20,
        num_samples=200,
        strength=0.6,
        attack_samples=(1, 100),
        inference_samples=100,
        repeats=2,
        loss="margin" if model == "sin" else "cross-entropy",
    )
    result = run_study("diagnosis", spec, classifiers[model], digits)
    predicted = mean_cosine(result["moments"].dataset, [1, 100], 100).values
    measured = result[GROUP].dataset["cosine"].isel(strength=-1).mean(("repeat", "example"))
    np.testing.assert_allclose(predicted, measured.squeeze().values, atol=0.05)
    assert predicted[0] < predicted[1]
    assert "Attack with ≥" in verdict(result)


@pytest.mark.slow
def test_a_diagnosis_is_written_and_read_with_both_groups(
    bnn: StochasticClassifier, digits: Dataset, tmp_path: Path
) -> None:
    spec = find_study("diagnosis").make_spec(
        "quick", digits, preset("bnn"), images=6, num_samples=40, repeats=1, attack_samples=(3,)
    )
    result = run_study("diagnosis", spec, bnn, digits)
    path = tmp_path / "diagnosis.nc"
    save_results(path, result)
    again = open_results(path)
    for group in (GROUP, "moments"):
        xr.testing.assert_identical(again[group].to_dataset(), result[group].to_dataset())
    tables = find_study("diagnosis").tables(again)
    assert [len(table.rows) for table in tables] == [11, 3, 3, 1]
    assert tables[-1].title.startswith("P(robust) in % at η = ")


@pytest.mark.slow
def test_the_figure_shows_the_numbers_and_little_beyond(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    spec = DiagnosisSpec(
        images=6,
        num_samples=80,
        strength=0.6,
        attack_samples=(1, 4),
        inference_samples=20,
        repeats=2,
    )
    result = run_study("diagnosis", spec, bnn, digits)
    left, right = find_study("diagnosis").figure(result).axes
    needed = samples_needed(result["moments"].dataset, spec.share).to_dataarray().values
    largest = needed[np.isfinite(needed)].max()
    assert right.get_xlim()[1] == pytest.approx(10 * largest)
    ceiling = mean_cosine(result["moments"].dataset, [math.inf], 20).item()
    assert ceiling < 0.99 * left.get_ylim()[1]


@pytest.mark.slow
def test_the_check_of_attack_samples_takes_the_moments(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    spec = DiagnosisSpec(
        images=12,
        num_samples=80,
        strength=0.6,
        attack_samples=(1, 4),
        inference_samples=20,
        repeats=2,
    )
    result = run_study("diagnosis", spec, bnn, digits)
    found = attack_samples(result)
    expected = mean_reach(result["moments"].dataset, [4], 20).item()
    assert found.value == pytest.approx(expected)
    assert found.status == "fail" if expected < 0.7 else found.status != "pass"
    assert "measured with single samples" in found.message
    plenty = result.copy()
    moments = result["moments"].to_dataset()
    for name in moments.data_vars:
        if str(name).startswith("direction_trace"):
            moments[name] = 1e-6 * moments[name]
    unlike = moments.drop_vars(["resampled_cosine", "resampled_cosine_without"])  # as it was
    plenty["moments"] = xr.DataTree(unlike)
    as_before = attack_samples(plenty)
    assert as_before.status == "pass"
    assert "from the moments of single samples" in as_before.message
    unlike["direction_square_without"][..., 3] = -0.1  # one fold knows of no gradient
    plenty["moments"] = xr.DataTree(unlike)
    assert attack_samples(plenty).status == "skipped"
    moments["resampled_cosine"][:] = np.nan
    plenty["moments"] = xr.DataTree(moments)
    assert attack_samples(plenty).status == "skipped"


@pytest.mark.slow
def test_two_diagnoses_are_compared_by_their_moments(
    classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    spec = DiagnosisSpec(
        images=12,
        num_samples=80,
        strength=0.6,
        attack_samples=(1, 8, 64),
        inference_samples=20,
        repeats=2,
    )
    bnn, im = (run_study("diagnosis", spec, classifiers[model], digits) for model in ("bnn", "im"))
    found = compare_results(bnn, im)
    reach = found.first_fit["reach"].values
    expected = mean_reach(bnn["moments"].dataset, [1, 8, 64], 20).values
    np.testing.assert_allclose(reach, expected)
    share = float(0.5 * (reach[0] + reach[2]))
    needed = float(found.at_equal_reach([share])["first_samples"].loc[share])
    reached = mean_reach(bnn["moments"].dataset, [needed], 20).item()
    assert reached == pytest.approx(share, abs=1e-5)
    tables = comparison_tables(
        found, found.at_equal_size(), found.at_equal_reach(), ["bnn", "im"], 0.95
    )
    assert [table.title for table in tables if "from the moments" in table.title]


def diagnosed(moments: xr.Dataset, number: int = 40) -> xr.DataTree:
    """A diagnosis with these moments."""
    spec = {"share": 0.95, "inference_samples": 100, "num_samples": number}
    result = xr.DataTree(xr.Dataset(attrs={"spec": json.dumps(spec)}))
    result["moments"] = xr.DataTree(moments)
    return result


def test_the_last_sentence_says_which_size_and_whether_the_data_tell() -> None:
    sure = conclusion(diagnosed(known([10.0, 10.0], 0.001)))
    assert sure == (
        "Verdict: attack with --attack-samples 93; 40 single samples of 2 images tell it within a "
        "factor 1.5."
    )
    unsure = known([10.0], 0.12)
    high = advise(unsure).high
    assert conclusion(diagnosed(unsure)) == (
        f"Verdict: attack with --attack-samples {high} to be safe; 40 single samples of 1 image do "
        "not tell the number within a factor 1.5, --num-samples 160 may."
    )
    lost = known([10.0])
    lost["direction_square"][:] = -0.1
    assert "do not tell which S_A is enough; take --num-samples 160" in conclusion(diagnosed(lost))
    assert "no S_A helps" in conclusion(diagnosed(known([0.0])))


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ([0.5, 0.2, 0.2], "attack with --attack-samples 2; the larger sizes up to 4 leave at most"),
        ([0.5, 0.3, 0.2], "S_A up to 4 do not tell which S_A is enough"),
        ([0.5], "one size alone does not tell which S_A is enough; measure more with --attack-sam"),
    ],
)
def test_measured_sizes_end_in_a_sentence(shares: list[float], words: str) -> None:
    result = small_result({**SIZES, "example": 10, "attack_samples": len(shares)})
    values = result[GROUP].to_dataset().assign_coords(attack_samples=[1, 2, 4][: len(shares)])
    correct = np.arange(10)[:, None] < 10 * np.array(shares)
    values["adversarial_correct"][:] = correct[None, :, None, :, None]
    result[GROUP] = xr.DataTree(values)
    assert words in conclusion(result)


def test_the_time_to_go_knows_that_the_last_cell_is_the_longest() -> None:
    study = find_study("diagnosis")
    spec = DiagnosisSpec(
        images=6, num_samples=2000, strength=0.6, attack_samples=(1, 10), inference_samples=100
    )
    *grid, moments = study.cells(spec)
    assert moments.part == "moments"
    assert study.cost(spec, moments) > 10 * max(study.cost(spec, cell) for cell in grid)


def test_settings_are_checked() -> None:
    settings: dict[str, Any] = {
        "images": 5,
        "num_samples": 40,
        "strength": 1.0,
        "attack_samples": (1,),
        "inference_samples": 10,
    }
    with pytest.raises(ArgumentError, match="num_samples must be >= 40, got 39"):
        DiagnosisSpec(**{**settings, "num_samples": 39})
    with pytest.raises(ArgumentError, match=r"share must be in \(0, 1\), got 1\.0"):
        DiagnosisSpec(**settings, share=1.0)


STEPS = {"attack": "pgd", "attack_options": {"steps": 4, "relative_step": 0.5}}


@pytest.mark.slow
def test_an_attack_in_steps_is_counted_in_samples_seen(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    """Its first step is predicted; one budget is divided into S_A and steps in each way."""
    study = find_study("diagnosis")
    spec = study.make_spec(
        "quick", digits, preset("bnn"), **STEPS, norm="linf", strength=0.1, clip=True, images=6,
        num_samples=40, repeats=2, attack_samples=(1, 2, 8), inference_samples=5,
    )  # fmt: skip
    result = run_study("diagnosis", spec, bnn, digits)
    assert "moments" not in result.children  # no law of one step is taken for the attack's
    assert result[GROUP].dataset["num_gradients"].isel(strength=-1, repeat=0).values.tolist() == [
        4, 8, 32,
    ]  # fmt: skip
    assert result["divisions"].dataset["divided_steps"].isel(repeat=0).values.tolist() == [8, 4, 1]
    by_size, by_division, _ = study.tables(result)
    assert [row[:2] for row in by_size.texts] == [["1", "4"], ["2", "8"], ["8", "32"]]
    assert [row[:3] for row in by_division.texts] == [
        ["1", "8", "8"], ["2", "4", "8"], ["8", "1", "8"],
    ]  # fmt: skip
    same = result["divisions"].dataset["divided_correct"].sel(attack_samples=2)
    own = result[GROUP].dataset["adversarial_correct"].isel(strength=-1, inference_samples=0)
    np.testing.assert_array_equal(same, own.sel(attack_samples=2))
    reached = mean_reach(result["first_step"].dataset, [4, 8, 32], 5).values
    assert [row[-1] for row in by_size.texts] == [f"{100 * share:.1f}" for share in reached]
    assert "samples seen) leaves" in by_size.title
    assert "Of 8 samples seen, S_A = " in by_size.title
    assert len(study.figure(result).axes) == 2
    assert attack_of(read_spec(result), digits.bounds) == PGD(
        norm="linf", strength=0.1, clip=digits.bounds, steps=4, relative_step=0.5
    )


@pytest.mark.slow
def test_a_step_in_another_norm_is_predicted_and_measured(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    spec = DiagnosisSpec(
        images=20, num_samples=400, norm="linf", strength=0.1, clip=True, attack_samples=(1, 20),
        inference_samples=20, repeats=2,
    )  # fmt: skip
    result = run_study("diagnosis", spec, bnn, digits)
    predicted = mean_cosine(result["moments"].dataset, [1, 20], 20).values
    measured = result[GROUP].dataset["cosine"].isel(strength=-1).mean(("repeat", "example"))
    np.testing.assert_allclose(predicted, measured.squeeze().values, atol=0.05)
    # what explains the cosine of a gradient does not explain that of its signs
    assert len(find_study("diagnosis").tables(result)) == 2
    assert len(find_study("diagnosis").figure(result).axes) == 1


@pytest.mark.slow
def test_a_pilot_on_the_first_images_settles_the_number(
    bnn: StochasticClassifier, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "PILOT", 40)
    monkeypatch.setattr(diagnosis, "NUMBERS", (40, 60, 80))
    subject = Subject(classifier=bnn, dataset=digits)
    common: dict[str, Any] = {
        "strength": 0.6, "attack_samples": (1,), "inference_samples": 5, "block_size": 4,
    }  # fmt: skip
    study = find_study("diagnosis")
    spec = DiagnosisSpec(images=8, **common)
    assert study.piloted(spec, subject) == "number of single samples"
    assert study.piloted(replace(spec, num_samples=40), subject) == ""
    assert study.piloted(replace(spec, attack="spsa"), subject) == ""  # without a first step
    settled = study.settled(spec, subject)
    assert settled.num_samples in (40, 60, 80)
    assert study.settled(settled, subject) == settled
    part = study.settled(DiagnosisSpec(images=4, first_image=4, **common), subject)
    assert part.num_samples == settled.num_samples
    easy = study.settled(DiagnosisSpec(images=8, share=0.01, **common), subject)
    assert easy.num_samples == 40
