"""Intervals and tests: closed forms, scipy as the referee, and what holds for all numbers."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from pyrosnn.errors import ArgumentError
from pyrosnn.statistics import (
    clopper_pearson,
    require_confidence,
    student_half_width,
    student_p_value,
    student_quantile,
    welch_half_width,
)

CONFIDENCES = st.floats(0.01, 0.999)
SPREADS = st.floats(1e-6, 1e6)
DEGREES = st.integers(1, 200)


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
def test_quantiles_of_one_and_two_degrees_have_closed_forms(confidence: float) -> None:
    p = 0.5 + confidence / 2
    exact = [math.tan(math.pi * (p - 0.5)), (2 * p - 1) / math.sqrt(2 * p * (1 - p))]
    found = student_quantile(confidence, np.array([1, 2]))
    np.testing.assert_allclose(found, exact, rtol=1e-9)
    normal = stats.norm.ppf(p)
    assert student_quantile(confidence, math.inf) == pytest.approx(normal, rel=1e-12)


def test_student_is_scipys_t_test() -> None:
    values = np.random.default_rng(0).normal(0.3, size=(6, 2, 5))
    mean, sd = values.mean(0), values.std(0, ddof=1)
    test = stats.ttest_1samp(values, 0.0)
    np.testing.assert_allclose(student_p_value(mean, sd, 6), test.pvalue, rtol=1e-10)
    interval = test.confidence_interval(0.9)
    half = student_half_width(sd, 6, confidence=0.9)
    np.testing.assert_allclose([mean - half, mean + half], [interval.low, interval.high])
    greater = stats.ttest_1samp(values, 0.0, alternative="greater").pvalue
    found = student_p_value(mean, sd, 6, alternative="greater")
    np.testing.assert_allclose(found, greater, rtol=1e-10)


def test_the_p_value_of_two_values_has_a_closed_form() -> None:
    found = student_p_value(np.array([-3.0, 0.0, 0.5]), np.sqrt(2.0), 2)
    np.testing.assert_allclose(found, 1 - 2 / np.pi * np.arctan([3.0, 0.0, 0.5]), rtol=1e-12)


def test_nothing_is_known_without_a_spread() -> None:
    sd = np.array([0.0, 1.0])
    assert np.isnan(student_half_width(sd, 3)).tolist() == [True, False]
    assert np.isnan(student_p_value(np.ones(2), sd, 3)).tolist() == [True, False]
    assert np.isnan(student_half_width(sd, 1)).all()
    assert np.isnan(student_p_value(np.ones(2), sd, 1)).all()
    assert np.isnan(welch_half_width([np.zeros(2), sd], [2, 3])).tolist() == [True, False]


@given(st.floats(-10, 10), SPREADS, st.integers(2, 50), CONFIDENCES)
def test_an_interval_excludes_zero_where_the_test_is_significant(
    mean: float, sd: float, number: int, confidence: float
) -> None:
    half = float(student_half_width(sd, number, confidence))
    p_value = float(student_p_value(mean, sd, number))
    assume(abs(p_value - (1 - confidence)) > 1e-9)
    assert (abs(mean) > half) == (p_value < 1 - confidence)
    above = float(student_p_value(mean, sd, number, alternative="greater"))
    assert 2 * min(above, 1 - above) == pytest.approx(p_value, rel=1e-6, abs=1e-12)


def test_welch_is_scipys() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(7, 3)), rng.normal(0.4, 3.0, size=(4, 3))
    interval = stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.9)
    parts = [values.var(0, ddof=1) / len(values) for values in (first, second)]
    half = welch_half_width(parts, [6, 3], confidence=0.9)
    difference = first.mean(0) - second.mean(0)
    expected = [interval.low, interval.high]
    np.testing.assert_allclose([difference - half, difference + half], expected)


@given(st.lists(st.tuples(SPREADS, DEGREES), min_size=1, max_size=4), CONFIDENCES)
def test_welch_has_at_least_the_fewest_degrees_and_at_most_all(
    parts: list[tuple[float, int]], confidence: float
) -> None:
    variances, degrees = [np.array(v) for v, _ in parts], [d for _, d in parts]
    half = float(welch_half_width(variances, degrees, confidence))
    of_one = float(sum(variances)) ** 0.5
    widest = of_one * float(student_quantile(confidence, min(degrees)))
    narrowest = of_one * float(student_quantile(confidence, sum(degrees)))
    assert narrowest * (1 - 1e-9) <= half <= widest * (1 + 1e-9)


@pytest.mark.parametrize("trials", [1, 5, 10])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_none_and_all_have_closed_forms(trials: int, confidence: float) -> None:
    low, high = clopper_pearson(np.array([0, trials]), trials, confidence=confidence)
    root = ((1 - confidence) / 2) ** (1 / trials)
    np.testing.assert_allclose(low, [0, root], rtol=1e-12)
    np.testing.assert_allclose(high, [1 - root, 1], rtol=1e-12)


def test_clopper_pearson_is_scipys_exact_interval() -> None:
    counts = np.arange(8).reshape(2, 4)
    low, high = clopper_pearson(counts, 7, confidence=0.9)
    assert low.shape == high.shape == counts.shape
    for index, count in np.ndenumerate(counts):
        interval = stats.binomtest(int(count), 7).proportion_ci(0.9, method="exact")
        assert low[index] == pytest.approx(interval.low)
        assert high[index] == pytest.approx(interval.high)


@given(st.integers(1, 60), st.data(), CONFIDENCES)
def test_the_ends_are_where_a_tail_has_half_of_alpha(
    trials: int, data: st.DataObject, confidence: float
) -> None:
    count = data.draw(st.integers(0, trials))
    low, high = (
        float(end) for end in clopper_pearson(np.array(count), trials, confidence=confidence)
    )
    assert 0 <= low <= count / trials <= high <= 1
    half_alpha = pytest.approx((1 - confidence) / 2, rel=1e-6)
    if count > 0:
        assert stats.binom.sf(count - 1, trials, low) == half_alpha
    if count < trials:
        assert stats.binom.cdf(count, trials, high) == half_alpha


def test_bad_arguments_are_named() -> None:
    for confidence in (0.0, 1.0, 95.0, math.nan):
        with pytest.raises(ArgumentError, match="confidence must be between 0 and 1, got"):
            require_confidence(confidence)
    with pytest.raises(ArgumentError, match=r"confidence must be between 0 and 1, got 95\.0"):
        clopper_pearson(np.array([1]), 2, confidence=95.0)
    with pytest.raises(ArgumentError, match=r"confidence must be between 0 and 1, got 95\.0"):
        student_half_width(1.0, 3, confidence=95.0)
    with pytest.raises(ArgumentError, match=r"confidence must be between 0 and 1, got 95\.0"):
        welch_half_width([np.ones(1)], [2], confidence=95.0)
    with pytest.raises(ArgumentError, match="trials must be an integer >= 1, got 0"):
        clopper_pearson(np.array([0]), 0)
    with pytest.raises(ArgumentError, match="integers between 0 and 2, got 1 to 3"):
        clopper_pearson(np.array([1, 3]), 2)
