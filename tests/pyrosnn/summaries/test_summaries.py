"""Summaries and figures against numbers worked out by hand."""

from typing import Any

import arviz
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.figure import Figure
from support.small_result import SIZES, small_result

from pyrosnn.plots import plot_accuracy, plot_cosines
from pyrosnn.results import GROUP, combine_repeats, make_dataset, make_result
from pyrosnn.statistics import highest_density, share_interval
from pyrosnn.summaries import (
    accuracies,
    accuracy_table,
    cosine_table,
    posterior_like,
    variation_table,
)


def repeat(survivors: list[bool], cosines: list[float]) -> xr.Dataset:
    """One repeat of four images at one strength, S_A = 5, S_I = 7; the last is wrong before."""
    attacked = np.array(survivors).reshape(4, 1, 1, 1)
    zeros = np.zeros((4, 1, 1, 1))
    values = {
        "clean_correct": np.array([True, True, True, False]).reshape(4, 1),
        "attack_correct": np.ones((4, 1), dtype=bool),
        "adversarial_correct": attacked,
        "linear_condition": np.array([True, False, False, False]).reshape(4, 1, 1, 1),
        "cosine": np.array(cosines).reshape(4, 1, 1, 1),
        "radius": zeros,
        "margin": zeros,
        "gradient_norm": zeros,
        "nearest_class": zeros,
        "perturbation_norm": zeros[..., 0],
        "zero_gradient": np.zeros((4, 1, 1), dtype=bool),
    }
    coords = {
        "example": range(4),
        "label": [0, 1, 2, 3],
        "strength": [0.5],
        "attack_samples": [5],
        "inference_samples": [7],
    }
    return make_dataset(values, coords)


def only_row(table: pd.DataFrame) -> dict[str, float]:
    (row,) = table.to_dict("records")
    return {str(name): float(value) for name, value in row.items()}


@pytest.fixture
def result() -> xr.DataTree:
    nan = float("nan")
    parts = [
        repeat([True, True, False, True], [0.1, 0.2, 0.3, nan]),
        repeat([True, False, False, False], [0.5, 0.6, 0.7, 0.8]),
    ]
    return make_result(combine_repeats(parts), study="by hand", spec={}, provenance={})


def test_accuracies_are_means_over_images(result: xr.DataTree) -> None:
    each = accuracies(result).squeeze()
    assert each["clean"].values.tolist() == [0.75, 0.75]
    assert each["adversarial"].values.tolist() == [0.75, 0.25]
    np.testing.assert_allclose(each["adversarial_given_clean"], [2 / 3, 1 / 3])
    assert each["linear_condition"].values.tolist() == [0.25, 0.25]


def test_the_table_has_mean_and_sample_deviation_over_repeats(result: xr.DataTree) -> None:
    row = only_row(accuracy_table(result))
    assert row["adversarial"] == pytest.approx(0.5)
    assert row["adversarial_sd"] == pytest.approx(0.5 / 2**0.5)  # two values, 0.5 apart, ddof 1
    assert row["clean_sd"] == 0.0
    assert row["clean_low"] < row["clean"] < row["clean_high"]


def test_the_table_has_intervals_of_the_images_that_count(result: xr.DataTree) -> None:
    values = result[GROUP].dataset.squeeze()
    clean, attacked = (
        values[name].transpose("repeat", "example").to_numpy().astype(float)
        for name in ("clean_correct", "adversarial_correct")
    )
    row = only_row(accuracy_table(result, confidence=0.5))
    for name, each in (
        ("adversarial", attacked),
        ("adversarial_given_clean", np.where(clean > 0, attacked, np.nan)),
    ):
        bounds = [row[f"{name}_low"], row[f"{name}_high"]]
        np.testing.assert_allclose(bounds, share_interval(each, confidence=0.5))
    per_repeat = accuracies(result)["adversarial_given_clean"].mean()
    assert row["adversarial_given_clean"] == pytest.approx(float(per_repeat))


def test_a_single_repeat_has_no_deviation() -> None:
    one = make_result(
        repeat([True, True, False, True], [0.1, 0.2, 0.3, 0.4]), study="s", spec={}, provenance={}
    )
    row = only_row(accuracy_table(one))
    assert row["adversarial"] == 0.75
    assert np.isnan(row["adversarial_sd"])


def test_cosines_leave_out_and_count_the_undefined(result: xr.DataTree) -> None:
    row = only_row(cosine_table(result))
    values = [0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.8]
    assert row["mean"] == pytest.approx(np.mean(values), abs=1e-6)
    assert row["sd"] == pytest.approx(np.std(values, ddof=1), abs=1e-6)
    assert row["undefined"] == 1


def test_figures_draw_these_numbers(result: xr.DataTree) -> None:
    figure = Figure()
    left, right = figure.subplots(1, 2)
    (line,) = plot_accuracy(result, left).get_lines()
    assert np.asarray(line.get_ydata()).tolist() == [0.5]
    assert line.get_label() == "5"
    lines = plot_cosines(result, right).get_lines()
    means = [np.asarray(one.get_ydata()) for one in lines if one.get_marker() == "X"]
    np.testing.assert_allclose(
        np.concatenate(means), [np.mean([0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.8])]
    )


def test_the_noise_scale_of_the_table_is_a_ratio_of_means() -> None:
    """A mean of ratios would be decided by the images with the smallest gradients: 100 / 1 here."""
    dims = ("gradient", "example")
    values = xr.Dataset(
        {
            "prediction_std": ("example", [0.1, 0.3]),
            "plugin_length": (dims, [[1.0, 3.0], [2.0, 2.0]]),
            "gradient_square": (dims, [[1.0, 9.0], [-1.0, 0.5]]),
            "gradient_trace": (dims, [[100.0, 20.0], [1.0, 1.0]]),
            "gradient_entry_std": (dims, [[0.5, 1.5], [1.0, 1.0]]),
        },
        coords={"gradient": ["label", "margin"]},
    )
    table = variation_table(xr.DataTree.from_dict({"variation": values}))
    label, margin = table["of f_y"], table["of the margin"]
    assert label["noise scale"] == 120 / 10
    assert margin.isna()["noise scale"]  # the mean square is negative
    assert label["std of prediction"] == pytest.approx(0.2)
    assert label["variance of prediction"] == pytest.approx(0.05)
    assert label["from the unbiased square"] == pytest.approx(2.0)


@pytest.mark.parametrize("hdi_prob", [0.94, 0.5])
def test_the_table_of_cosines_is_that_of_arviz(hdi_prob: float) -> None:
    many = small_result({**SIZES, "example": 41})
    table = cosine_table(many, hdi_prob=hdi_prob)
    cosine = posterior_like(many)[["cosine"]]
    how: dict[str, Any] = {"kind": "stats", "round_to": "none", "skipna": True}
    if int(arviz.__version__.partition(".")[0]) < 1:
        expected = arviz.summary(cosine, hdi_prob=hdi_prob, **how)
        assert list(table.columns) == [*expected.columns, "undefined"]
    else:
        summary: Any = arviz.summary
        expected = summary(cosine, ci_prob=hdi_prob, ci_kind="hdi", **how)
    values = table.drop(columns="undefined").to_numpy()
    np.testing.assert_allclose(values, expected.to_numpy(), rtol=1e-5)
    undefined = cosine["cosine"].isnull().sum(("chain", "draw"))
    assert table["undefined"].tolist() == undefined.values.ravel().tolist()


def test_an_interval_of_nothing() -> None:
    assert np.isnan(highest_density(np.full(3, np.nan), 0.9)).all()
    assert highest_density(np.array([2.0]), 0.9) == (2.0, 2.0)
