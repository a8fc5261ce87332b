"""Figures of unusual results: what is drawn can be read."""

import json
from collections.abc import Callable
from io import BytesIO
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.text import Text
from support.small_result import small_result

from pyrosnn.errors import ArgumentError
from pyrosnn.plots import (
    ablation_figure,
    conditions_figure,
    inference_size_figure,
    sample_size_figure,
    variation_figure,
)
from pyrosnn.plots.style import SIZE, strength_axis
from pyrosnn.results import GROUP, open_results

REPRODUCTION = Path(__file__).parents[3] / "docs" / "reproduction"
LONG = "my_defence.smoothing:make_randomised_smoothing_final_of_the_third_submission"


def draw(figure: Figure) -> None:
    figure.savefig(BytesIO(), format="png")


@pytest.mark.slow
@pytest.mark.parametrize("make", [sample_size_figure, inference_size_figure])
def test_titles_of_long_names_stay_within_the_figure(
    make: Callable[[xr.DataTree], Figure],
) -> None:
    figure = make(small_result(model=LONG, output="logits"))
    draw(figure)
    for text in figure.texts:  # title and caption
        extent = text.get_window_extent()
        assert 0 <= extent.x0 < extent.x1 <= figure.bbox.x1


def variation(length: np.ndarray, spread: np.ndarray) -> xr.DataTree:
    dims = ("gradient", "example")
    values = xr.Dataset(
        {
            "prediction_std": ("example", np.linspace(0.1, 0.3, len(length))),
            "gradient_square": (dims, np.stack([length**2] * 2)),
            "gradient_trace": (dims, np.stack([spread**2] * 2)),
        },
        coords={"gradient": ["label", "margin"]},
    )
    made = {
        "spec": json.dumps({"num_samples": 5}),
        "provenance": json.dumps({"model": "m", "dataset": "digits", "output": "logits"}),
    }
    result = xr.DataTree(xr.Dataset(attrs=made))
    result["variation"] = xr.DataTree(values)
    return result


def overlapping(labels: list[Text]) -> list[tuple[str, str]]:
    shown = [label for label in labels if label.get_text() and label.get_visible()]
    boxes = [label.get_window_extent() for label in shown]
    return [
        (a.get_text(), b.get_text())
        for (a, first), (b, second) in combinations(zip(shown, boxes, strict=True), 2)
        if first.overlaps(second)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("ends", [(4.1e-4, 9.9e-4), (3.9, 9.9), (1.1e-3, 9e-3), (0.02, 3.0)])
def test_labels_of_a_few_images_do_not_print_over_each_other(ends: tuple[float, float]) -> None:
    values = np.geomspace(*ends, 3)
    figure = variation_figure(variation(values, values))
    draw(figure)
    left, right = figure.axes
    assert overlapping(right.get_xticklabels(which="both")) == []
    assert overlapping(right.get_yticklabels(which="both")) == []
    assert all(tick == round(tick) for tick in left.get_yticks())


def test_gradients_that_do_not_vary_leave_an_empty_panel() -> None:
    figure = variation_figure(variation(np.zeros(3), np.zeros(3)))
    draw(figure)
    assert [text.get_text() for text in figure.axes[1].texts] == [
        "no image has a gradient that varies"
    ]


def test_cutoffs_are_labelled_above_the_axes() -> None:
    figure = conditions_figure(open_results(REPRODUCTION / "conditions-bnn.nc"))
    draw(figure)
    (ax,) = figure.axes
    assert overlapping(list(ax.texts)) == []
    assert [label.get_window_extent().y0 > ax.bbox.y1 for label in ax.texts] == [True, True]


def test_a_single_strength_is_not_at_the_frame() -> None:
    result = open_results(REPRODUCTION / "conditions-bnn.nc")
    result[GROUP] = xr.DataTree(result[GROUP].to_dataset().isel(strength=[0]))
    for figure in (conditions_figure(result), sample_size_figure(result)):
        left, right = figure.axes[0].get_xlim()
        assert left < 0.0 < right


def test_a_figure_names_all_that_a_result_lacks() -> None:
    """A library result has neither model nor data set, and whatever spec it was given."""
    result = small_result()
    result.attrs["spec"], result.attrs["provenance"] = '{"attack": "fgm"}', "{}"
    lacking = r"needs 'model', 'dataset' in its provenance and 'loss', 'labels', 'inference_sampl"
    with pytest.raises(ArgumentError, match=lacking):
        sample_size_figure(result)
    with pytest.raises(ArgumentError, match=r"'smooth_condition' in its group evaluation"):
        conditions_figure(result)


def saying(figure: Figure) -> str:
    """Return what a figure says below its panels."""
    return " ".join(figure.texts[-1].get_text().split())


@pytest.mark.slow
def test_a_figure_has_one_size_of_text_and_says_what_its_bands_are() -> None:
    for name, make, words in (
        (
            "conditions-bnn",
            conditions_figure,
            "Bands: 95 % interval for fresh samples and fresh im",
        ),
        ("linf-bnn", sample_size_figure, "bands: 95 % interval for fresh images under these sampl"),
        ("ablation-bnn", ablation_figure, "left: 95 % interval for fresh samples and fresh images"),
    ):
        figure = make(open_results(REPRODUCTION / f"{name}.nc"))
        draw(figure)
        assert words in saying(figure)
        shown = [text for text in figure.findobj(Text) if text.get_text().strip()]
        assert {text.get_fontsize() for text in shown} == {SIZE}, name


def test_strengths_for_pictures_of_8_bits_are_fractions() -> None:
    for norm, strengths, labels in (
        ("linf", [0, 4 / 255, 8 / 255], ["0", "4/255", "8/255"]),
        ("linf", np.arange(13) / 255, ["0", "3/255", "6/255", "9/255", "12/255"]),
        ("linf", [0, 0.1, 8 / 255], None),
        ("l2", [0, 4 / 255, 8 / 255], None),
    ):
        ax = Figure().subplots()
        strength_axis(ax, norm, list(map(float, strengths)))
        found = [label.get_text() for label in ax.get_xticklabels()]
        assert (found == labels) if labels else ("4/255" not in found)
        assert {"linf": "ℓ∞", "l2": "ℓ2"}[norm] in ax.get_xlabel()
