"""Intervals for shares of images, and for means over images and repeats: exact cases, coverage."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from support.simulated import outcomes

from pyrosnn.errors import ArgumentError
from pyrosnn.statistics import (
    crossed_half_widths,
    share_interval,
    share_interval_of_means,
    student_half_width,
)

REPEATS, IMAGES = st.integers(1, 5), st.integers(1, 30)
OUTCOMES = st.tuples(REPEATS, IMAGES).flatmap(lambda shape: arrays(bool, shape)).map(np.float64)


@pytest.mark.parametrize(("right", "images"), [(0, 50), (23, 50), (50, 50), (1, 1), (3, 7)])
def test_one_repeat_has_the_exact_binomial_interval(right: int, images: int) -> None:
    exact = stats.binomtest(right, images).proportion_ci(0.9)
    values = (np.arange(images) < right).astype(float)
    for interval in (
        share_interval(values, confidence=0.9),
        share_interval_of_means(values.mean(keepdims=True), images, confidence=0.9),
    ):
        np.testing.assert_allclose(interval, [exact.low, exact.high], atol=1e-9)


@given(OUTCOMES)
def test_what_holds_for_all_outcomes(values: np.ndarray) -> None:
    low, high = share_interval(values)
    share, (repeats, images) = values.mean(), values.shape
    assert 0 <= low <= share <= high <= 1
    # never narrower than if each image were one trial: nor is its width ever 0
    exact = stats.binomtest(0, images).proportion_ci().high
    assert high - low >= exact - 1e-9
    # nor than the interval for fresh sample sets alone, which the images' own variance bounds
    if repeats > 1 and (spread := values.mean(1).std(ddof=1)) > 0:
        most = 1.96 * (values.var(0, ddof=1).mean() / repeats) ** 0.5
        half = min(float(student_half_width(spread, repeats)), most) - 1e-4
        assert low <= max(share - half, 0)
        assert high >= min(share + half, 1)
    np.testing.assert_allclose(share_interval(1 - values), (1 - high, 1 - low), atol=1e-9)
    np.testing.assert_allclose(share_interval(values[::-1, ::-1]), (low, high), atol=1e-9)
    wide = share_interval_of_means(values.mean(1), images)  # which know less
    assert wide[0] <= low + 1e-9
    assert wide[1] >= high - 1e-9


def test_images_that_do_not_count_are_left_out() -> None:
    values = np.array([1.0, 0.0, np.nan, 1.0, np.nan, 1.0])
    np.testing.assert_allclose(share_interval(values), share_interval(np.array([1.0, 0, 1, 1])))
    of_one = np.vstack([values, np.full(6, np.nan)])
    np.testing.assert_allclose(share_interval(of_one), share_interval(values))
    assert np.isnan(share_interval(np.full((2, 3), np.nan))).all()
    first, second = np.array([1.0, 0, 1, 1, 0, 1]), values
    low, high = share_interval(np.vstack([first, second]))
    assert low < (4 / 6 + 3 / 4) / 2 < high


@pytest.mark.parametrize("images", [20, 100])
@pytest.mark.parametrize("repeats", [1, 4])
@pytest.mark.parametrize("p", [0.02, 0.5, 0.97])
@pytest.mark.statistical
def test_it_covers_for_fresh_images_and_fresh_samples(images: int, repeats: int, p: float) -> None:
    """300 experiments: at least 95 % - 4 standard errors (5 points) cover; not so the old ± sd."""
    rng = np.random.default_rng([images, repeats, round(100 * p)])
    shared = 0.5 * (repeats > 1)  # one repeat cannot see what its images share
    spread = (1 + 4 + shared**2) ** 0.5
    location = stats.norm.ppf(p) * spread + 2 * rng.normal(size=(300, images))
    experiments = outcomes(
        rng, location, repeats=repeats, block=images, shared=shared, experiments=300
    ).astype(float)
    low, high = np.transpose([share_interval(values) for values in experiments])
    rate = ((low <= p) & (p <= high)).mean()
    assert rate >= 0.95 - 4 * (0.95 * 0.05 / 300) ** 0.5, rate
    if repeats > 1 and p == 0.5:
        means = experiments.mean(-1)
        deviation = means.std(1, ddof=1)
        assert (abs(means.mean(1) - p) <= deviation).mean() < 0.85


@pytest.mark.statistical
def test_no_wider_than_the_binomial_error_where_samples_matter_little() -> None:
    """100 images, 4 repeats that agree in all but 2 %: within 10 % of the exact interval."""
    rng = np.random.default_rng(0)
    widths = []
    for _ in range(100):
        values = np.tile(rng.random(100) < 0.5, (4, 1)) ^ (rng.random((4, 100)) < 0.02)
        low, high = share_interval(values.astype(float))
        exact = stats.binomtest(round(100 * values.mean()), 100).proportion_ci()
        widths.append((high - low) / (exact.high - exact.low))
    assert 0.99 < np.mean(widths) < 1.1


def test_fresh_images_are_never_known_better_than_these() -> None:
    """Satterthwaite's degrees of freedom alone would make the interval for them narrower."""
    rng = np.random.default_rng(0)
    first = rng.normal(size=(500, 4, 30)) + 0.2 * rng.normal(size=(500, 4, 1))
    second = rng.normal(size=(500, 1, 30)) + 0.1 * rng.normal(size=(500, 3, 30))
    for samples, images in (crossed_half_widths(first), crossed_half_widths(first, second)):
        assert (images >= samples).all()
        assert (images == samples).any()  # else nothing was held back
        assert (images > samples).any()


def test_a_mean_is_a_difference_to_nothing() -> None:
    values = np.random.default_rng(0).normal(size=(4, 3, 20))
    alone, twice = crossed_half_widths(values), crossed_half_widths(values, 0 * values)
    np.testing.assert_allclose(alone[0], student_half_width(values.mean(-1).std(-1, ddof=1), 3))
    assert (alone[1] >= twice[1]).all()  # a constant has degrees of freedom, too


def test_bad_values_are_named() -> None:
    with pytest.raises(ArgumentError, match="values of a share must be between 0 and 1"):
        share_interval(np.array([0.0, 1.5]))
    with pytest.raises(ArgumentError, match="shares must be between 0 and 1"):
        share_interval_of_means(np.array([-0.5]), 10)
    with pytest.raises(ArgumentError, match="a share needs at least 1 image, got 0"):
        share_interval_of_means(np.array([0.5]), 0)
    with pytest.raises(ArgumentError, match="an interval over images needs at least 2, got 1"):
        crossed_half_widths(np.zeros((2, 1)))
    with pytest.raises(ArgumentError, match="confidence must be between 0 and 1, got 95"):
        share_interval(np.zeros(3), confidence=95.0)
