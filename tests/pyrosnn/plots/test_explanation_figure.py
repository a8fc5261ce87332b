"""Figures of an explanation: what bars and whiskers stand for."""

from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from support.small_result import small_result
from support.standard_result import standard_result

from pyrosnn.plots import explanation_figure, plot_judges, plot_parts, plot_waterfall
from pyrosnn.summaries import explain


def bars(ax: Axes) -> list[Rectangle]:
    return [patch for patch in ax.patches if isinstance(patch, Rectangle)]


def test_bars_stack_up_to_the_change() -> None:
    found = explain(standard_result(60), standard_result(60, repeats=2))
    ax = plot_parts(found, Figure().subplots(), "threat")
    heights = np.array([bar.get_height() for bar in bars(ax)]).reshape(4, -1)
    np.testing.assert_allclose(heights.sum(0), 100 * found["change"])
    # what is above 0 begins where the one before it ends, and what is below likewise
    starts = np.array([bar.get_y() for bar in bars(ax)]).reshape(4, -1)
    for sign in (1, -1):
        own = np.where(sign * heights > 0, heights, 0.0)
        np.testing.assert_allclose(
            np.where(own, starts, 0.0), np.where(own, np.cumsum(own, 0) - own, 0.0), atol=1e-9
        )


def test_a_waterfall_leads_from_one_accuracy_to_the_other() -> None:
    found = explain(standard_result(60), standard_result(60, repeats=2)).isel(threat=0)
    ax = plot_waterfall(found, Figure().subplots(), ("1 old", "2 new"))
    first, second, *parts = bars(ax)
    assert first.get_height() == pytest.approx(100 * float(found["first"]))
    assert second.get_height() == pytest.approx(100 * float(found["second"]))
    levels = np.cumsum([first.get_height(), *[bar.get_height() for bar in parts]])
    np.testing.assert_allclose([bar.get_y() for bar in parts], levels[:-1])
    assert levels[-1] == pytest.approx(second.get_height())
    assert [text.get_text() for text in ax.get_xticklabels()][::5] == ["1\nold", "2\nnew"]


def test_judges_have_a_point_each() -> None:
    found = explain(standard_result(60), standard_result(60))
    ax = plot_judges(found, Figure().subplots())
    assert [text.get_text() for text in ax.get_yticklabels()] == [
        "one prediction", "noise off", "attacker knows I", "robust@1", "robust@10", "robust@100",
    ]  # fmt: skip


@pytest.mark.parametrize("strengths", [1, 3])
@pytest.mark.parametrize("sizes", [1, 2])
def test_there_is_a_panel_for_each_axis_that_varies(strengths: int, sizes: int) -> None:
    counts = {"repeat": 1, "example": 5, "strength": strengths, "attack_samples": sizes}
    result = small_result({**counts, "inference_samples": 1})
    figure = explanation_figure(explain(result, result), ("a", "b"))
    assert len(figure.axes) == 1 + (strengths > 1) + (sizes > 1)
    assert "from a to b; 5 images" in figure.get_suptitle()


def test_no_legend_hides_an_interval() -> None:
    found = explain(standard_result(60), standard_result(60, repeats=2))
    figure = explanation_figure(found, ("a", "b"))
    canvas: Any = FigureCanvasAgg(figure)  # untyped
    canvas.draw()
    judges = figure.axes[-1]
    legend = judges.get_legend()
    assert legend is not None
    assert not legend.get_window_extent().overlaps(judges.get_window_extent())
    for text in figure.axes[0].get_xticklabels():  # nor what stands below the other panels
        assert not legend.get_window_extent().overlaps(text.get_window_extent())
