"""One-sided bounds: the values of tables, and coverage over 2,000 replicas."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import binom, norm

from pyrosnn.errors import ArgumentError
from pyrosnn.statistics import (
    clopper_pearson,
    dkw,
    empirical_bernstein,
    hoeffding,
    probability_lower,
    probability_upper,
    split,
)

REPLICAS, ALPHA = 2000, 0.05
# failures that a bound of level α exceeds with probability 1e-5
ALLOWED = int(binom.ppf(1 - 1e-5, REPLICAS, ALPHA))


@pytest.mark.parametrize(
    ("number", "agreeing"),
    [(100, [1.50, 0.89, 0.92]), (1000, [2.46, 1.57, 2.10]), (10_000, [3.20, 2.08, 2.92])],
)
def test_the_largest_radius_of_draws_that_agree(number: int, agreeing: list[float]) -> None:
    lower = [
        float(probability_lower(np.array(number), number, 0.001)),
        1 - hoeffding(number, 0.001),
        1 - float(empirical_bernstein(0.0, number, 0.001)),
    ]
    np.testing.assert_allclose(norm.ppf(lower), agreeing, atol=6e-3)


def test_half_widths() -> None:
    widths = [hoeffding(n, 0.001) for n in (100, 1000, 10_000, 100_000)]
    np.testing.assert_allclose(widths, [0.186, 0.0588, 0.0186, 0.0059], atol=5e-4)
    assert dkw(1000, 0.001) == widths[1]
    assert hoeffding(100, 0.001, width=2.0) == pytest.approx(2 * widths[0])
    variances = np.array([0.0, 0.01, 0.05, 0.25])
    expected = [0.0018, 0.0057, 0.0105, 0.0213]
    np.testing.assert_allclose(empirical_bernstein(variances, 10_000, 0.001), expected, atol=6e-5)


def test_one_side_is_half_of_an_interval_of_twice_the_level() -> None:
    counts = np.arange(13)
    low, high = clopper_pearson(counts, 12, confidence=0.9)
    np.testing.assert_allclose(probability_lower(counts, 12, 0.05), low, atol=1e-12)
    np.testing.assert_allclose(probability_upper(counts, 12, 0.05), high, atol=1e-12)


def exact(values: np.ndarray) -> np.ndarray:
    return probability_lower((values > 0.5).sum(1), values.shape[1], ALPHA)


def of_range(values: np.ndarray) -> np.ndarray:
    return np.asarray(values.mean(1) - hoeffding(values.shape[1], ALPHA))


def of_variance(values: np.ndarray) -> np.ndarray:
    half = empirical_bernstein(values.var(1, ddof=1), values.shape[1], ALPHA)
    return np.asarray(values.mean(1) - half)


@pytest.mark.statistical
@pytest.mark.parametrize("bound", [exact, of_range, of_variance])
@pytest.mark.parametrize("probability", [0.5, 0.9])
def test_lower_bounds_cover(bound: Callable[[np.ndarray], np.ndarray], probability: float) -> None:
    """For a bound that ignores its level, such as the mean, about half would fail."""
    values = np.random.default_rng(0).random((REPLICAS, 80)) < probability
    lower = bound(values.astype(float))
    assert int((lower > probability).sum()) <= ALLOWED
    assert lower.mean() > probability - 0.4  # and says something
    upper = probability_upper(values.sum(1), 80, ALPHA)
    assert int((upper < probability).sum()) <= ALLOWED


@pytest.mark.statistical
def test_distribution_functions_are_covered_at_all_thresholds() -> None:
    values = np.sort(np.random.default_rng(0).random((REPLICAS, 60)), axis=1)
    above = (np.arange(1, 61) / 60 - values).max(1)  # sup of F_n - F
    failures = int((above > dkw(60, ALPHA)).sum())
    assert 0.4 * ALPHA * REPLICAS < failures <= ALLOWED  # tight, too


@pytest.mark.statistical
def test_bounds_that_share_alpha_hold_together() -> None:
    """Those that do not share it fail in a third of the replicas: the test would see it."""
    counts = np.random.default_rng(0).multinomial(200, [0.1] * 10, REPLICAS)

    def failures(alpha: float) -> int:
        return int((probability_lower(counts, 200, alpha) > 0.1).any(1).sum())

    assert failures(split(ALPHA, 10)) <= ALLOWED
    assert failures(ALPHA) > 2 * ALLOWED


def test_bad_values_are_named() -> None:
    with pytest.raises(ArgumentError, match=r"alpha must be > 0 and <= 0\.5, got 1\.0"):
        hoeffding(10, 1.0)
    with pytest.raises(ArgumentError, match="number of bounds must be an integer >= 1, got 0"):
        split(0.1, 0)
    with pytest.raises(ArgumentError, match="successes must be integers between 0 and 5"):
        probability_lower(np.array([6]), 5, 0.1)
    with pytest.raises(ArgumentError, match="number of values must be an integer >= 2, got 1"):
        empirical_bernstein(0.0, 1, 0.1)
