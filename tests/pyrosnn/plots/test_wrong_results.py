"""Figures of what is no result of theirs end in pyrosnn's own errors.

Each public function is called with right arguments but one, which hypothesis takes from
``support.wrong_values`` and from results of other studies: ``EXAMPLES`` calls of each.
"""

import inspect
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from support.small_result import small_result
from support.standard_result import standard_result
from support.wrong_values import wrong_values

from pyrosnn import plots
from pyrosnn.errors import PyrosnnError
from pyrosnn.results import open_results
from pyrosnn.summaries import explain

EXAMPLES = 15
REPRODUCTION = Path(__file__).parents[3] / "docs" / "reproduction"
# A result of each kind that is kept, by the functions that draw it.
FILES = {
    "ablation_figure": "ablation-bnn",
    "angles_figure": "gaussian-angles",
    "conditions_figure": "conditions-bnn",
    "plot_conditions": "conditions-bnn",
    "variation_figure": "prediction-variance-bnn",
}
STANDARD = {"standard_figure", "plot_standard_accuracies", "plot_errors"}
MORE: dict[str, Any] = {
    "plot_parts": {"dim": "threat"},
    "plot_waterfall": {"names": ("1", "2")},
    "explanation_figure": {"names": ("1", "2")},
    "plot_factor": {"name": "cosine", "label": "cosine"},
    "plot_errors": {"threat": 0},
    "plot_standard_accuracies": {"threat": 0},
}


WITHOUT = {"certificates", "verification", "diagnosis"}  # results of which there is none here


@pytest.fixture(scope="module")
def results() -> dict[str, xr.DataTree]:
    kept = {name: open_results(REPRODUCTION / f"{name}.nc") for name in set(FILES.values())}
    return {**kept, "small": small_result(output="probs"), "standard": standard_result(20)}


def right_arguments(name: str, results: dict[str, xr.DataTree]) -> dict[str, Any]:
    """Return what a function draws, its axes, and what more it needs."""
    right = {"ax": Figure().subplots()} if name.startswith("plot_") else {}
    if "result" not in inspect.signature(getattr(plots, name)).parameters:
        standard = results["standard"]
        explained = explain(standard, standard)
        explained = explained.isel(threat=0) if name == "plot_waterfall" else explained
        return {**right, **MORE.get(name, {}), "explained": explained}
    result = results[FILES.get(name, "standard" if name in STANDARD else "small")]
    return {**right, **MORE.get(name, {}), "result": result}


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("name", plots.__all__)
def test_wrong_results_and_axes_are_refused_in_words(
    name: str, results: dict[str, xr.DataTree]
) -> None:
    function, right = getattr(plots, name), right_arguments(name, results)
    if not any(word in name for word in WITHOUT):
        assert isinstance(function(**right), Figure | Axes)
    others = st.sampled_from(list(results.values()))

    @settings(max_examples=EXAMPLES)
    @given(st.sampled_from(sorted(right)), st.one_of(wrong_values(), others))
    def check(wrong: str, value: Any) -> None:
        with suppress(PyrosnnError):
            drawn = function(**{**right, wrong: value})
            assert isinstance(drawn, Figure | Axes)

    check()
