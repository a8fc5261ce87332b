"""Advice on the number of samples: its intervals, exactly."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from support.gradients import moments_of

from pyrosnn.summaries import (
    advise,
    mean_cosine,
    reachable_cosine,
    samples_for_mean,
    samples_needed,
)

WIDER = 1.5  # than Student's, for heavy tails: see the concepts


@pytest.fixture(scope="module")
def moments() -> xr.Dataset:
    """Moments of five images from 65 samples with noise; attack and condition share it."""
    rng = np.random.default_rng(0)
    mean, noise = rng.normal(size=(5, 50)), 2 * rng.normal(size=(65, 5, 50))
    return moments_of(mean + noise, mean + noise)


def half_width(of: Callable[[xr.Dataset], float], moments: xr.Dataset, confidence: float) -> float:
    """Return half the interval of a number, from the numbers without one group at a time."""
    names = ("direction_square", "direction_trace", "direction_product")
    groups = moments.sizes["fold"]
    without = [
        of(xr.Dataset({name: moments[f"{name}_without"].isel(fold=fold) for name in names}))
        for fold in range(groups)
    ]
    error = math.sqrt((groups - 1) * np.var(without))
    return WIDER * float(stats.t.ppf(0.5 + confidence / 2, groups - 1)) * error


def test_the_interval_for_a_data_set_is_wider_for_heavy_tails(moments: xr.Dataset) -> None:
    def log_samples(of: xr.Dataset) -> float:
        """Solve for one kind of image: all have the same noise scale, that of the means."""
        scale = of["direction_trace"] / of["direction_square"]
        scale = scale.sel(direction="attack")
        return math.log(float(scale[0]) * share**2 / (1 - share**2))

    share = 0.9999
    one = moments.isel(example=[0])
    found = advise(one, share=share, confidence=0.9)
    half = half_width(log_samples, one, 0.9)
    assert found.low > 1000
    assert math.log(found.high / found.samples) == pytest.approx(half, rel=0.01)
    assert math.log(found.samples / found.low) == pytest.approx(half, rel=0.01)


def test_the_intervals_of_images_are_wider_for_heavy_tails(moments: xr.Dataset) -> None:
    found = samples_needed(moments, 0.95, confidence=0.8)
    for image in range(5):
        one = moments.isel(example=image)

        def inverse(of: xr.Dataset) -> float:
            ratio = of["direction_square"] / of["direction_trace"]
            return float(ratio.sel(direction="attack"))

        times, half = 0.95**2 / (1 - 0.95**2), half_width(inverse, one, 0.8)
        own = found.isel(example=image)
        assert times / float(own["low"]) == pytest.approx(inverse(one) + half)
        assert times / float(own["high"]) == pytest.approx(inverse(one) - half)


def test_files_of_older_versions_keep_the_law_of_their_moments(moments: xr.Dataset) -> None:
    """Resampled up to small sizes, then the first order of the attack's noise."""
    old = moments.isel(example=[0, 1]).assign(
        resampled_cosine=(("example", "subset"), [[0.1, 0.3], [0.2, 0.4]]),
        unit_product=("example", [4.0, 5.0]),
    )
    old = old.assign_coords(subset=[1.0, 10.0], resampled_inference=100.0)
    square = old["direction_square"].sel(direction="attack")
    ceiling = float((old["unit_product"] / square**0.5).mean())
    found = mean_cosine(old, [1, 10, 10.01, math.inf], 100).values
    np.testing.assert_allclose(found[[0, 1, 3]], [0.15, 0.35, ceiling])
    assert reachable_cosine(old, 100) == pytest.approx(ceiling)
    assert found[2] == pytest.approx(0.35, abs=0.001)  # no step
    assert samples_for_mean(old, 0.3 / ceiling, 100) == pytest.approx(10**0.75, rel=1e-4)
