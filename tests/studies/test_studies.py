"""Every study in the table: its name, its presets, and what it needs."""

from pathlib import Path

import pytest
from support.small_result import small_result

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, UnknownNameError
from pyrosnn.results import open_results
from pyrosnn.settings.presets import PRESETS
from pyrosnn.training import preset
from pyrosnn_studies import STUDIES
from pyrosnn_studies.presets import preset_settings, preset_strengths
from pyrosnn_studies.study import find_study

REPRODUCTION = Path(__file__).parents[2] / "docs" / "reproduction"
every_study = pytest.mark.parametrize("name", list(STUDIES))


@every_study
@pytest.mark.parametrize("which", PRESETS)
def test_presets_make_settings(name: str, which: str, digits: Dataset) -> None:
    study = find_study(name)
    assert study.name == name
    training = preset("bnn", smoothing_variance=0.1 if STUDIES[name].needs == "smoothed" else 0.0)
    spec = study.make_spec(which, digits, training)
    assert study.cells(spec)
    for setting, value in preset_settings(name, which).items():
        if setting not in ("strengths", "images"):
            assert getattr(spec, setting) == value
    changed = study.make_spec(which, digits, training, seed=5)
    assert changed.seed == 5


def test_the_papers_sizes() -> None:
    paper = {name: preset_settings(name, "paper") for name in STUDIES}
    assert paper["sample-size"]["images"] == 1000
    assert paper["sample-size"]["attack_samples"] == (1, 5, 10, 100)
    assert paper["inference-size"]["repeats"] == 10
    assert paper["inference-size"]["inference_samples"] == (1, 5, 10, 100)
    assert (paper["conditions"]["images"], paper["conditions"]["noise_samples"]) == (100, 10)
    assert paper["prediction-variance"]["num_samples"] == 1000
    assert preset_strengths("fashion-mnist", "l2", "sweep")[-1] == 2.25
    assert preset_strengths("fashion-mnist", "l2", "near")[-1] == 0.45
    assert preset_strengths("fashion-mnist", "linf", "sweep")[-1] == 0.18


def test_loss_and_strengths_follow_model_and_data(digits: Dataset) -> None:
    study = find_study("sample-size")
    assert study.make_spec("quick", digits, preset("bnn")).loss == "cross-entropy"
    assert study.make_spec("quick", digits, preset("sin")).loss == "margin"
    assert study.make_spec("quick", digits, preset("sin"), loss="cw").loss == "cw"
    linf = study.make_spec("quick", digits, preset("bnn"), norm="linf")
    assert linf.strengths == preset_strengths("digits", "linf", "sweep")


def test_the_smooth_condition_needs_probabilities_and_the_euclidean_norm(digits: Dataset) -> None:
    study = find_study("conditions")
    with pytest.raises(ArgumentError, match=r"in \[0, 1\].*those of sin are logits: take a bnn"):
        study.make_spec("quick", digits, preset("sin", smoothing_variance=0.1))
    with pytest.raises(ArgumentError, match="got the norm 'linf'; use l2"):
        study.make_spec("quick", digits, preset("bnn", smoothing_variance=0.1), norm="linf")


def test_grids_are_kept_in_rising_order(digits: Dataset) -> None:
    """Tables and figures take the last as the largest."""
    spec = find_study("inference-size").make_spec(
        "quick",
        digits,
        preset("bnn"),
        attack_samples=(100, 1),
        inference_samples=(100, 1, 10),
        strengths=(0.6, 0.0),
    )
    assert (spec.attack_samples, spec.inference_samples) == ((1, 100), (1, 10, 100))
    assert spec.strengths == (0.0, 0.6)


def test_unknown_names_are_refused(digits: Dataset) -> None:
    with pytest.raises(UnknownNameError, match="unknown preset 'fast'"):
        find_study("sample-size").make_spec("fast", digits, preset("bnn"))
    with pytest.raises(ArgumentError, match="no default strengths for svhn"):
        preset_strengths("svhn", "l2", "sweep")
    with pytest.raises(ArgumentError, match="digits has 500 test images, asked for 501"):
        find_study("sample-size").make_spec("quick", digits, preset("bnn"), images=501)


def test_titles_name_the_sizes_that_are_shown() -> None:
    """The largest of each, where a result has several."""
    result = small_result()  # S_I = 5 and 6
    assert "for S_I = 6\n" in find_study("sample-size").tables(result)[0].title
    conditions = open_results(REPRODUCTION / "conditions-bnn.nc")
    (table,) = find_study("conditions").tables(conditions)
    assert "for S_A = 10, S_I = 100\n" in table.title
