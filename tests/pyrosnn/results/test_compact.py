"""Compact results: how far they may be from the full ones."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from support.standard_result import standard_result

from pyrosnn.attacks import FGM
from pyrosnn.data.dataset import Dataset
from pyrosnn.evaluation import evaluate
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.results import (
    GROUP,
    compact_result,
    make_dataset,
    make_result,
    open_results,
    save_results,
)
from pyrosnn.results.compact import round_fraction
from pyrosnn.sampling import disjoint_sample_sets


@given(st.lists(st.floats(width=32, allow_subnormal=False), min_size=1), st.integers(5, 22))
def test_rounding_is_within_half_a_unit_of_the_last_bit(values: list[float], bits: int) -> None:
    exact = np.array(values, dtype=np.float32)
    exact = exact[~(np.abs(exact) > 3e38) | ~np.isfinite(exact)]  # rounding up overflows there
    rounded = round_fraction(exact, bits)
    finite = np.isfinite(exact)
    error = np.abs(rounded[finite].astype(float) - exact[finite].astype(float))
    assert (error <= np.abs(exact[finite].astype(float)) * 2.0 ** -(bits + 1)).all()
    np.testing.assert_array_equal(rounded[~finite], exact[~finite])
    np.testing.assert_array_equal(round_fraction(rounded, bits), rounded)


def test_a_certified_radius_is_rounded_down() -> None:
    rng = np.random.default_rng(0)
    values = {
        "certified_radius": rng.random((500, 1)),
        "certified_class": np.zeros((500, 1)),
        "vote_bound": rng.random(500),
        "own_correct": np.ones(500),
        "noise_scale": np.array(0.1),
    }
    coords = {"example": np.arange(500), "label": np.zeros(500), "certificate": ["votes"]}
    full = make_dataset(values, coords)
    tree = make_result(full, study="certificates", spec={}, provenance={}, group="certificates")
    small = compact_result(tree)["certificates"].dataset
    for name in ("certified_radius", "vote_bound"):
        error = 1 - small[name].astype(float) / full[name]
        assert 0 < float(error.min()) <= float(error.max()) < 4e-4
    assert float(small["noise_scale"]) == 0.1


def test_a_compact_evaluation_has_no_images() -> None:
    full = standard_result(12)
    small = compact_result(full)
    assert set(full.children) - set(small.children) == {"shown"}
    assert small["standard"].dataset.sizes == full["standard"].dataset.sizes


@pytest.fixture(scope="module")
def result(bnn: StochasticClassifier, digits: Dataset) -> xr.DataTree:
    x, y = digits.test_images(30)
    a, i = disjoint_sample_sets(bnn, x, attack=3, inference=4, seed=0)
    values = evaluate(
        bnn, x, y, attack=FGM(), attack_samples=a, inference_samples=i, strengths=[0.0, 0.5]
    )
    return make_result(values, study="sample-size", spec={}, provenance={})


@pytest.mark.slow
def test_a_compact_file_is_read_like_any_other(result: xr.DataTree, tmp_path: Path) -> None:
    save_results(tmp_path / "full.nc", result)
    save_results(tmp_path / "compact.nc", compact_result(result))
    full = open_results(tmp_path / "full.nc")[GROUP].dataset
    small = open_results(tmp_path / "compact.nc")[GROUP].dataset
    assert "compact" in open_results(tmp_path / "compact.nc").attrs
    assert set(full) - set(small) == {"radius"}
    for name in small.data_vars:
        assert small[name].attrs == full[name].attrs
        if small[name].dtype.kind == "f":
            assert small[name].dtype == np.float32
            np.testing.assert_allclose(small[name], full[name], rtol=2.0**-13 * 1.01, atol=1e-37)
        else:
            xr.testing.assert_identical(small[name], full[name])
    radius = (small["margin"] / (small["gradient_norm"] * small["cosine"])).where(
        small["cosine"] > 0, np.inf
    )
    defined = full["cosine"].notnull() & (full["gradient_norm"] > 1e-30)
    np.testing.assert_allclose(
        radius.where(defined), full["radius"].where(defined), rtol=4 * 2.0**-13
    )
    assert "radius" in result[GROUP].dataset  # the result itself is untouched
