"""Certified and attacked accuracies of two models on the same images, counted by hand."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.stats import norm
from support.certified import certificates
from support.standard_result import standard_result

from pyrosnn.errors import ArgumentError
from pyrosnn.results import read_spec
from pyrosnn.summaries import (
    attacked_at,
    certified_threats,
    compare_certificates,
    compare_evaluations,
    difference_of_models,
    standard_table,
)
from pyrosnn.summaries.compare_bounds import num_draws


def at(table: pd.DataFrame, *key: Any) -> dict[str, float]:
    """Return a row by its key."""
    return dict(zip(table.columns, table.values[table.index.tolist().index(key)], strict=True))


def changed(result: xr.DataTree, **spec: Any) -> xr.DataTree:
    other = result.copy()
    other.attrs["spec"] = json.dumps({**read_spec(result), **spec})
    return other


def test_certified_accuracies_are_paired_over_images() -> None:
    """Of 40 images 10 are certified by the first alone, and 4 by the second alone."""
    first = certificates(np.repeat([2.0, 2.0, np.nan, np.nan], [20, 10, 4, 6]))
    second = certificates(np.repeat([0.7, np.nan, 0.7, np.nan], [20, 10, 4, 6]))
    table = compare_certificates(first, second)
    row = at(table, 0.5, "margin")
    assert (row["first"], row["second"]) == (30 / 40, 24 / 40)
    assert row["difference"] == pytest.approx(6 / 40)
    differences = np.repeat([0.0, 1.0, -1.0, 0.0], [20, 10, 4, 6])
    half = (row["images_high"] - row["images_low"]) / 2
    assert half == pytest.approx(norm.ppf(0.975) * differences.std(ddof=1) / 40**0.5, rel=0.05)
    assert np.isnan(row["samples_low"])  # a certificate has no repeats
    assert at(table, 1.0, "margin")["second"] == 0


def test_only_common_images_and_radii_count() -> None:
    first, second = certificates([2.0] * 8), certificates([0.7, np.nan] * 5, first=4)
    table = compare_certificates(first, second)
    assert table.attrs["images"] == 4
    row = at(table, 0.5, "margin")
    assert (row["first"], row["second"]) == (1.0, 0.5)
    with pytest.raises(ArgumentError, match="have 1 of their images in common"):
        compare_certificates(first, certificates([0.7] * 3, first=7))
    other = certificates([2.0] * 8)
    other["certificates"] = other["certificates"].to_dataset().assign_coords(distance=[0.2, 0.3])
    with pytest.raises(ArgumentError, match=r"no radius in common: 0\.5, 1 and 0\.2, 0\.3"):
        compare_certificates(first, other)
    with pytest.raises(ArgumentError, match=r"differ in 'alpha': 0\.001 in the first, 0\.01"):
        compare_certificates(first, certificates([2.0] * 8, alpha=0.01))


@pytest.fixture(scope="module")
def result() -> xr.DataTree:
    return standard_result(100, certified=True)


def counted(result: xr.DataTree) -> pd.DataFrame:
    return standard_table(result)


def test_a_threat_in_l2_has_its_certified_share(result: xr.DataTree) -> None:
    held = result["certificates"].dataset["certified_radius"].values[:, 0] > 1.5
    found = certified_threats(result)
    assert found is not None
    assert np.isnan(found.values[:, 0]).all()  # ℓ∞
    np.testing.assert_array_equal(found.values[:, 1], held)
    table = counted(result)
    assert np.isnan(table["certified"].iloc[0])
    assert table["certified"].iloc[1] == held.mean() <= table["archive"].iloc[1]
    assert "certified" not in standard_table(standard_result(20))
    assert certified_threats(standard_result(20)) is None
    attacked = attacked_at(result)
    assert attacked is not None
    assert attacked.dims == ("repeat", "example", "distance")
    assert float(attacked.mean()) == table["archive"].iloc[1]


def test_evaluations_are_compared_threat_by_threat(result: xr.DataTree) -> None:
    other = standard_result(100, certified=True)
    values = other["standard"].to_dataset()
    lost = values["archive_correct"] & (values["example"] >= 30)
    other["standard"] = values.assign(archive_correct=lost)
    found = compare_evaluations(result, other)
    assert found.index.tolist() == [
        ("linf 0.1", "clean"),
        ("linf 0.1", "archive"),
        ("l2 1.5", "clean"),
        ("l2 1.5", "archive"),
        ("l2 1.5", "certified"),
    ]
    pair = [
        tree["standard"].dataset["archive_correct"].isel(threat=1, drop=True).expand_dims(repeat=1)
        for tree in (result, other)
    ]
    expected = difference_of_models(*(one.reset_coords(drop=True) for one in pair))
    row = at(found, "l2 1.5", "archive")
    assert row["difference"] == float(expected["difference"]) > 0
    assert row["images_low"] == float(expected["images_low"])
    assert at(found, "l2 1.5", "certified")["difference"] == 0
    alone = compare_evaluations(result, standard_result(100))
    assert ("l2 1.5", "certified") not in alone.index


def test_another_protocol_is_refused(result: xr.DataTree) -> None:
    with pytest.raises(ArgumentError, match="differ in 'protocol': standard-1 in the first"):
        compare_evaluations(result, changed(result, protocol="quick-1"))
    other = standard_result(100)
    renamed = other["standard"].to_dataset().assign_coords(threat=["linf 0.2", "l2 3"])
    other["standard"] = renamed
    with pytest.raises(ArgumentError, match=r"no threat and share in common: linf 0\.1, l2 1\.5"):
        compare_evaluations(result, other)


def test_draws_are_those_of_the_protocol_or_of_the_study(result: xr.DataTree) -> None:
    assert num_draws(result) == 1000
    assert num_draws(certificates([1.0], num_samples=50)) == 50
    assert num_draws(standard_result(5)) is None
