"""The table of the standard evaluation, against its values counted by hand."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from support.small_result import small_result
from support.standard_result import ENTRIES, QUERIES, standard_result

from pyrosnn.errors import ArgumentError
from pyrosnn.results import make_dataset, make_result, open_results, save_results
from pyrosnn.results.threats import threat_name
from pyrosnn.statistics import clopper_pearson, share_interval, student_half_width
from pyrosnn.summaries import entry_table, standard_table

IMAGES = 120


@pytest.fixture(scope="module")
def result() -> xr.DataTree:
    return standard_result(IMAGES)


@pytest.fixture(scope="module")
def table(result: xr.DataTree) -> pd.DataFrame:
    return standard_table(result)


def changed(result: xr.DataTree, **values: xr.DataArray) -> xr.DataTree:
    other = result.copy()
    other["standard"] = xr.DataTree(result["standard"].to_dataset().assign(values))
    return other


def test_shares_are_counts_with_their_exact_intervals(
    result: xr.DataTree, table: pd.DataFrame
) -> None:
    values = result["standard"].dataset
    for column, name in (("archive", "archive_correct"), ("known", "known_correct")):
        counts = values[name].values.sum(0)
        np.testing.assert_allclose(table[column], counts / IMAGES)
        low, high = clopper_pearson(counts, IMAGES)
        np.testing.assert_allclose(table[f"{column}_low"], low)
        np.testing.assert_allclose(table[f"{column}_high"], high)
    clean = values["unattacked_correct"].values.mean()
    assert table["clean"].tolist() == pytest.approx([clean, clean])  # the same under each threat


def test_the_selection_gap_is_paired_over_images(result: xr.DataTree, table: pd.DataFrame) -> None:
    values = result["standard"].dataset
    for threat in range(2):
        each = values["archive_selected"].values[:, threat] * 1.0
        each -= values["archive_correct"].values[:, threat]
        half = float(student_half_width(each.std(ddof=1), IMAGES))
        row = table.iloc[threat]
        found = row[["selection_gap", "selection_gap_low", "selection_gap_high"]].tolist()
        assert found == pytest.approx([each.mean(), each.mean() - half, each.mean() + half])
        assert row["archive_selected"] - row["archive"] == pytest.approx(each.mean())


def test_hidden_randomness_is_what_an_attacker_who_knows_it_breaks(
    result: xr.DataTree, table: pd.DataFrame
) -> None:
    expected = (table["archive"] - table["known"]) / table["archive"]
    np.testing.assert_allclose(table["hidden_share"], expected)
    np.testing.assert_allclose(table["known_gap"], table["archive"] - table["known"])
    assert (table["known_gap_low"] < table["known_gap"]).all()
    nothing = xr.zeros_like(result["standard"].dataset["archive_correct"])
    assert standard_table(changed(result, archive_correct=nothing))["hidden_share"].isna().all()


def test_robust_at_k_is_a_mean_over_images(result: xr.DataTree, table: pd.DataFrame) -> None:
    counts = result["standard"].dataset["queries_correct"].sel(perturbation="archive").values
    np.testing.assert_allclose(table["robust_at_1"], (counts / QUERIES).mean(0))
    np.testing.assert_allclose(table["robust_at_100"], (counts == QUERIES).mean(0))
    ten = np.ones(counts.shape)
    for drawn in range(10):  # without replacement
        ten *= (counts - drawn) / (QUERIES - drawn)
    np.testing.assert_allclose(table["robust_at_10"], ten.clip(min=0).mean(0), rtol=1e-9)
    assert (table["robust_at_10"] <= table["clean_at_10"]).all()


@pytest.mark.statistical
def test_pure_noise_gives_the_power_of_its_accuracy() -> None:
    """Each query errs with probability q, whatever δ: robust@k and clean@k are (1 - q)^k.

    Six comparisons at four standard errors: a false alarm in 1 of 2,500 seeds.
    """
    q, images = 0.05, 500
    whole = standard_result(images, shown=False)
    counts = whole["standard"].dataset["queries_correct"]
    drawn = np.random.default_rng(1).binomial(QUERIES, 1 - q, counts.shape)
    found = standard_table(changed(whole, queries_correct=counts.copy(data=drawn)))
    for k in (1, 10, 100):
        # the estimate of one image varies at most as one that is 0 or 1
        error = np.sqrt((1 - q) ** k * (1 - (1 - q) ** k) / images)
        for of in ("robust", "clean"):
            assert (abs(found[f"{of}_at_{k}"] - (1 - q) ** k) < 4 * error).all(), (of, k)


def test_numbers_of_queries_beyond_those_asked_are_left_out(result: xr.DataTree) -> None:
    found = standard_table(result, queries=(1, 50, 200))
    assert {"robust_at_1", "clean_at_50"} <= set(found.columns)
    assert not [name for name in found.columns if name.endswith("_200")]


def test_repeats_are_means_of_images_and_pairs_of_the_gap() -> None:
    result = standard_result(50, repeats=4)
    values, found = result["standard"].dataset, standard_table(result).iloc[0]
    right = values["archive_correct"].values[..., 0]
    assert found["archive"] == pytest.approx(right.mean())
    assert found["archive_low"] == pytest.approx(share_interval(right.astype(float))[0])
    gaps = (values["archive_selected"].values[..., 0] * 1.0 - right).mean(1)
    half = float(student_half_width(gaps.std(ddof=1), 4))
    assert found["selection_gap_high"] == pytest.approx(gaps.mean() + half)


def test_a_classifier_without_noise_free_form_has_no_such_columns(result: xr.DataTree) -> None:
    part = result.copy()
    names = ["noise_free_correct", "noise_free_unattacked"]
    part["standard"] = xr.DataTree(result["standard"].to_dataset().drop_vars(names))
    assert not [name for name in standard_table(part) if "noise_free" in str(name)]


def test_each_attack_has_its_accuracy_its_wins_and_its_cost(result: xr.DataTree) -> None:
    values, found = result["standard"].dataset, entry_table(result)
    assert found.index.names == ["threat", "entry"]
    first = found.loc["linf 0.1"]
    assert first.index.tolist() == list(ENTRIES)
    everywhere = values["entry_correct"].values[:, 0, :2]
    np.testing.assert_allclose(first["correct"][:2], everywhere.mean(0))
    wins = [(values["archive_entry"].values[:, 0] == place).mean() for place in range(4)]
    np.testing.assert_allclose(first["won"], wins)
    assert first["gradients"].tolist() == [10_000, 10_000, 0, 500]
    assert first["run"].tolist()[:2] == [1, 1]


def test_an_attack_is_judged_on_the_images_that_it_was_run_on(result: xr.DataTree) -> None:
    values = result["standard"].dataset
    found = entry_table(result).to_dict("index")[("l2 1.5", "square")]
    of = values.isel(threat=1).sel(entry="square")
    run, right = of["entry_run"].values, of["entry_correct"].values
    assert 0 < run.sum() < IMAGES
    assert found["run"] == pytest.approx(run.mean())
    assert found["correct"] == pytest.approx(right[run].mean())
    low, _ = clopper_pearson(np.array(int(right[run].sum())), int(run.sum()))
    assert found["correct_low"] == pytest.approx(float(low))
    assert found["queries"] == 1e5


def test_attacks_that_were_not_run_under_a_threat_are_left_out(result: xr.DataTree) -> None:
    run = result["standard"].dataset["entry_run"].copy()
    run[:, 0, 2] = False
    found = entry_table(changed(result, entry_run=run))
    assert ("linf 0.1", "square") not in found.index
    assert ("l2 1.5", "square") in found.index


def test_a_file_gives_the_same_tables(result: xr.DataTree, tmp_path: Path) -> None:
    save_results(tmp_path / "a.nc", result)
    opened = open_results(tmp_path / "a.nc")
    pd.testing.assert_frame_equal(standard_table(opened), standard_table(result))
    pd.testing.assert_frame_equal(entry_table(opened), entry_table(result))
    for group in ("standard", "checks", "shown"):
        xr.testing.assert_identical(opened[group].to_dataset(), result[group].to_dataset())


def test_what_is_refused(result: xr.DataTree) -> None:
    with pytest.raises(ArgumentError, match="confidence must be between 0 and 1, got 2"):
        standard_table(result, confidence=2.0)
    with pytest.raises(ArgumentError, match="one of a study that runs the standard evaluation"):
        entry_table(small_result())
    silent = result.copy()
    silent.attrs["spec"] = json.dumps({})
    with pytest.raises(ArgumentError, match="does not say its number of queries"):
        standard_table(silent)


def test_a_shown_image_needs_its_pixels(tmp_path: Path) -> None:
    arrays = {"shown_example": np.array([0]), "shown_threat": np.array([0])}
    lacking = make_result(
        make_dataset(arrays, {"shown": [0]}), study="x", spec={}, provenance={}, group="shown"
    )
    with pytest.raises(ArgumentError, match="lacks shown_attacked, shown_image, shown_shape"):
        save_results(tmp_path / "a.nc", lacking)


@pytest.mark.parametrize(
    ("norm", "strength", "name"),
    [
        ("linf", 4 / 255, "ℓ∞ 4/255"),
        ("linf", 0.03, "ℓ∞ 0.03"),
        ("linf", 1.0, "ℓ∞ 1"),
        ("l2", 8 / 255, "ℓ2 0.0313725"),
        ("l1", 0.0, "ℓ1 0"),
        ("own", 2.0, "own 2"),
    ],
)
def test_threats_have_names(norm: str, strength: float, name: str) -> None:
    assert threat_name(norm, strength) == name
