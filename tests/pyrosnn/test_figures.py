"""Figures of unusual results: what is drawn can be read."""

from collections.abc import Callable
from io import BytesIO

import pytest
import xarray as xr
from matplotlib.figure import Figure
from support.small_result import small_result

from pyrosnn.plots import inference_size_figure, sample_size_figure

LONG = "my_defence.smoothing:make_randomised_smoothing_final_of_the_third_submission"


def draw(figure: Figure) -> None:
    figure.savefig(BytesIO(), format="png")


@pytest.mark.parametrize("make", [sample_size_figure, inference_size_figure])
def test_titles_of_long_names_stay_within_the_figure(
    make: Callable[[xr.DataTree], Figure],
) -> None:
    figure = make(small_result(model=LONG, output="logits"))
    draw(figure)
    (title,) = figure.texts
    extent = title.get_window_extent()
    assert 0 <= extent.x0 < extent.x1 <= figure.bbox.x1
