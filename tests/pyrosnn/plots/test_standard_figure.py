"""The figure of the standard evaluation: its numbers, and whether it can be read."""

from io import BytesIO

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from support.standard_result import ENTRIES, standard_result

from pyrosnn.errors import ArgumentError
from pyrosnn.plots import plot_errors, plot_standard_accuracies, standard_figure
from pyrosnn.plots.standard import accuracies_in_words, errors_in_words, standard_rows
from pyrosnn.summaries import standard_table


@pytest.fixture(scope="module")
def result() -> xr.DataTree:
    return standard_result(60)


def test_a_row_for_each_number_of_the_table(result: xr.DataTree) -> None:
    rows = {row.label: row for row in standard_rows(result, 1)}
    table = standard_table(result).iloc[1]
    for label, column in (("no attack", "clean"), ("10 queries, all attacks", "robust_at_10")):
        row = rows[label]
        found = [row.value, row.low, row.high]
        assert found == [table[f"{column}{end}"] for end in ("", "_low", "_high")]
    assert [f"{name} alone" in rows for name in ENTRIES] == [True, True, False, True]
    run = result["standard"].dataset["entry_run"].values[:, 1, 2].mean()
    assert f"square ({run:.0%} of images)" in rows
    assert rows["all attacks, on V"].value == table["archive_selected"]


def test_words_have_the_numbers_of_the_figure(result: xr.DataTree) -> None:
    words = accuracies_in_words(result, 0)
    assert "under ℓ∞ 0.1" in words
    assert all(f"{row.label} {100 * row.value:.1f} %" in words for row in standard_rows(result, 0))
    counts = result["standard"].dataset["queries_correct"].isel(threat=0)
    share = (counts.sel(perturbation="archive").values == 100).mean()
    assert f"all attacks: {share:.0%} of the images at most 0%" in errors_in_words(result, 0)


def test_the_curve_of_errors_is_their_distribution(result: xr.DataTree) -> None:
    figure = Figure()
    ax = plot_errors(result, figure.subplots(), 0)
    x, y = (np.asarray(values) for values in ax.get_lines()[-1].get_data())
    counts = result["standard"].dataset["queries_correct"].isel(threat=0)
    errors = 100 - counts.sel(perturbation="archive").values
    for at in (0, 20, 70):
        assert y[np.flatnonzero(x <= at)[-1]] == pytest.approx((errors <= at).mean())


@pytest.mark.slow
def test_all_text_has_one_size_and_none_is_cut_off(result: xr.DataTree) -> None:
    figure = Figure(figsize=(5, 6), layout="constrained")
    ax = plot_standard_accuracies(result, figure.subplots(), 0)
    figure.savefig(BytesIO(), format="png")
    texts = [*ax.get_xticklabels(), *ax.get_yticklabels(), *ax.texts, ax.xaxis.label]
    assert {text.get_fontsize() for text in texts} == {9.0}
    extents = [text.get_window_extent() for text in texts]
    assert all(e.x0 >= 0 and e.x1 <= figure.bbox.x1 for e in extents)


@pytest.mark.slow
def test_repeats_and_one_threat_are_drawn() -> None:
    result = standard_result(20, repeats=2)
    one = result.copy()
    for group in ("standard",):
        one[group] = xr.DataTree(result[group].to_dataset().isel(threat=[1]))
    figure = standard_figure(one)
    figure.savefig(BytesIO(), format="png")
    assert [ax.get_title() for ax in figure.axes] == ["ℓ2 1.5", "ℓ2 1.5"]


def test_what_the_figure_lacks_is_named(result: xr.DataTree) -> None:
    silent = result.copy()
    silent.attrs["provenance"] = "{}"
    with pytest.raises(ArgumentError, match="needs 'model', 'dataset' in its provenance"):
        standard_figure(silent)
