"""Paired differences against scipy and by simulation; means of the geometry."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from pyrosnn.errors import ArgumentError
from pyrosnn.results import make_result
from pyrosnn.summaries import difference_of_models, geometry_means, paired_differences
from pyrosnn.summaries.paired import mean_gap


def table(values: np.ndarray) -> xr.DataArray:
    sizes = [1, 5, 100][: values.shape[1]]
    return xr.DataArray(values, dims=("repeat", "size"), coords={"size": sizes})


def test_it_is_the_paired_t_test() -> None:
    values = np.random.default_rng(0).normal(size=(10, 3))
    found = paired_differences(table(values), "size")
    for column, size in enumerate((1, 5)):
        own = found.sel(size=size)
        test = stats.ttest_rel(values[:, column], values[:, 2])
        interval = test.confidence_interval(0.95)
        assert float(own["p_value"]) == pytest.approx(test.pvalue)
        assert float(own["low"]) == pytest.approx(interval.low)
        assert float(own["high"]) == pytest.approx(interval.high)
        difference = values[:, column] - values[:, 2]
        assert float(own["effect_size"]) == pytest.approx(
            difference.mean() / difference.std(ddof=1)
        )
    first = paired_differences(table(values), "size", reference=1).sel(size=100)
    assert float(first["difference"]) == pytest.approx((values[:, 2] - values[:, 0]).mean())


@pytest.mark.statistical
def test_intervals_cover_the_truth_at_their_level() -> None:
    """2,000 experiments of 5 repeats: 95 % cover, standard error 0.5 points."""
    rng = np.random.default_rng(1)
    common = rng.normal(size=(5, 1, 2000))  # what a pair has in common cancels
    values = xr.DataArray(
        common + 0.1 * rng.normal(size=(5, 2, 2000)) + np.array([0.3, 0.0]).reshape(1, 2, 1),
        dims=("repeat", "size", "experiment"),
        coords={"size": [1, 100]},
    )
    found = paired_differences(values, "size").sel(size=1)
    covered = float(((found["low"] <= 0.3) & (found["high"] >= 0.3)).mean())
    assert abs(covered - 0.95) < 5 * 0.005
    assert float((found["high"] - found["low"]).mean()) < 0.5  # unpaired it would be above 2


def test_what_does_not_vary_has_no_test() -> None:
    same = paired_differences(table(np.tile([0.5, 0.25], (4, 1))), "size").sel(size=1)
    assert float(same["difference"]) == 0.25
    assert all(np.isnan(same[name]) for name in ("low", "high", "p_value", "effect_size"))
    single = paired_differences(table(np.array([[0.5, 0.25]])), "size").sel(size=1)
    assert float(single["difference"]) == 0.25
    assert all(np.isnan(single[name]) for name in ("low", "high", "p_value", "effect_size"))


def test_what_repeats_explain_is_no_difference_between_images() -> None:
    """Repeats explain all of what the images' means differ by: fresh images add no variance."""
    dims = ("repeat", "example")
    first = xr.DataArray([[1.0, 0.0, 1.0, 1.0], [0.0, 1.0, 1.0, 0.0]], dims=dims)
    second = xr.DataArray(np.zeros((2, 4)), dims=dims)
    assert float(first.mean("repeat").var("example")) > 0
    found = difference_of_models(first, second)
    assert float(found["difference"]) == 0.625
    # Student's t of the two means of the repeats, 0.75 and 0.5
    half = stats.t.ppf(0.975, 1) * 0.125
    for name in ("samples", "images"):
        assert float(found[f"{name}_low"]) == pytest.approx(0.625 - half)
        assert float(found[f"{name}_high"]) == pytest.approx(0.625 + half)


def test_no_interval_of_shares_is_wider_than_what_is_possible() -> None:
    """Student's t of two repeats that differ by 0.9 and 0.3 would reach from -3.2 to 4.4."""
    values = table(np.array([[1.0, 0.1], [0.6, 0.3]]))
    free = paired_differences(values, "size").sel(size=1)
    assert (float(free["low"]), float(free["high"])) == pytest.approx((-3.2119, 4.4119), abs=1e-3)
    shares = paired_differences(values, "size", most=1.0).sel(size=1)
    assert (float(shares["low"]), float(shares["high"])) == (-1.0, 1.0)
    dims = ("repeat", "example")
    first = xr.DataArray([[1.0, 1.0, 1.0], [0.0, 1.0, 1.0]], dims=dims)
    second = xr.DataArray([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]], dims=dims)
    wide, within = (difference_of_models(first, second, most=most) for most in (np.inf, 1.0))
    for kind in ("samples", "images"):
        assert float(wide[f"{kind}_high"]) > 1
        assert float(within[f"{kind}_high"]) == 1.0
        assert float(within[f"{kind}_low"]) == max(float(wide[f"{kind}_low"]), -1.0)


def test_a_gap_of_shares_stays_within_what_is_possible() -> None:
    gaps = xr.DataArray([[1.0, 1.0, 0.0]], dims=("repeat", "example"))
    found = mean_gap(gaps)
    assert float(found["high"]) == 1.0
    assert float(found["low"]) == pytest.approx(2 / 3 - stats.t.ppf(0.975, 2) / 3)


@pytest.mark.parametrize("dims", [("example", "repeat"), ("repeat", "example")])
def test_gaps_that_only_rounding_makes_differ_have_no_interval(dims: tuple[str, str]) -> None:
    gaps = xr.DataArray([[0.3 - 0.2], [0.1], [0.4 - 0.3]], dims=dims)
    assert float(gaps.std()) > 0
    found = mean_gap(gaps)
    assert float(found["difference"]) == pytest.approx(0.1)
    assert np.isnan(found["low"])
    assert np.isnan(found["high"])


def test_what_only_rounding_makes_differ_is_equal() -> None:
    """0.3 - 0.2 and 0.31 - 0.21 differ by one unit in the last place."""
    found = paired_differences(table(np.array([[0.3, 0.2], [0.31, 0.21]])), "size").sel(size=1)
    assert float(found["difference"]) == pytest.approx(0.1)
    assert all(np.isnan(found[name]) for name in ("low", "high", "p_value", "effect_size"))
    values = table(np.array([[0.1 + 0.2, 0.3], [0.3, 0.3]]))  # 5.6e-17 and 0
    assert float(paired_differences(values, "size").sel(size=1)["difference"]) == 0.0


def test_a_bad_confidence_is_named() -> None:
    with pytest.raises(ArgumentError, match="confidence must be between 0 and 1, got 95"):
        paired_differences(table(np.zeros((2, 2))), "size", confidence=95.0)


def test_a_zero_gradient_has_the_slope_zero_and_no_cosine() -> None:
    dims = ("repeat", "example", "strength", "attack_samples", "inference_samples")
    shape = (1, 4, 1, 1, 1)

    def of(values: list[float]) -> xr.DataArray:
        return xr.DataArray(np.array(values).reshape(shape), dims=dims)

    values = xr.Dataset(
        {
            "cosine": of([0.5, np.nan, np.nan, 1.0]),
            "gradient_norm": of([2.0, 0.0, 4.0, 3.0]),
            "margin": of([1.0, 1.0, 1.0, 0.0]),
            "perturbation_norm": of([1.0, 1.0, 0.0, 1.0]).isel(inference_samples=0, drop=True),
        }
    )
    found = geometry_means(make_result(values, study="s", spec={}, provenance={}))
    means = {str(name): value.item() for name, value in found.data_vars.items()}
    # the second image has no gradient, the third no δ
    assert means == {"cosine": 0.75, "gradient_norm": 2.25, "margin": 0.75, "slope": 4 / 3}
