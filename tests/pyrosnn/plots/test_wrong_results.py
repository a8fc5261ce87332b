"""Figures of what is no result of theirs end in pyrosnn's own errors.

Each public function is called with right arguments but one, which hypothesis takes from
``support.wrong_values`` and from results of other studies: ``EXAMPLES`` calls of each.
"""

import warnings
from collections.abc import Iterator
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
from support.wrong_values import wrong_values

from pyrosnn import plots
from pyrosnn.errors import PyrosnnError
from pyrosnn.results import open_results

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
MORE: dict[str, Any] = {
    "plot_factor": {"name": "cosine", "label": "cosine"},
    "plot_errors": {"threat": 0},
    "plot_standard_accuracies": {"threat": 0},
}


@pytest.fixture(scope="module")
def results() -> dict[str, xr.DataTree]:
    kept = {name: open_results(REPRODUCTION / f"{name}.nc") for name in set(FILES.values())}
    return {**kept, "small": small_result()}


@pytest.fixture
def quiet(as_users_call: None) -> Iterator[None]:
    """Types are not checked before a function is called; warnings are no errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("name", plots.__all__)
def test_wrong_results_and_axes_are_refused_in_words(
    name: str, results: dict[str, xr.DataTree]
) -> None:
    function = getattr(plots, name)
    right: dict[str, Any] = {"result": results[FILES.get(name, "small")], **MORE.get(name, {})}
    if name.startswith("plot_"):
        right["ax"] = Figure().subplots()
    others = st.sampled_from(list(results.values()))

    @settings(max_examples=EXAMPLES)
    @given(st.sampled_from(sorted(right)), st.one_of(wrong_values(), others))
    def check(wrong: str, value: Any) -> None:
        with suppress(PyrosnnError):
            drawn = function(**{**right, wrong: value})
            assert isinstance(drawn, Figure | Axes)

    check()
