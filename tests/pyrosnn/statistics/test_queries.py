"""The chance that k queries are all right, and the interval for a share of images."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pyrosnn.errors import ArgumentError
from pyrosnn.statistics import clopper_pearson, robust_at, share_interval


@given(answers=st.lists(st.booleans(), min_size=1, max_size=8), data=st.data())
def test_robust_at_is_the_share_of_subsets_that_are_all_right(
    answers: list[bool], data: st.DataObject
) -> None:
    k = data.draw(st.integers(1, len(answers)))
    subsets = list(combinations(answers, k))
    share = sum(map(all, subsets)) / len(subsets)
    assert float(robust_at(np.array(sum(answers)), len(answers), k)) == pytest.approx(
        share, rel=1e-14
    )


@pytest.mark.parametrize(("number", "k"), [(10, 1), (10, 10), (100, 10), (1000, 100)])
@pytest.mark.parametrize("p", [0.05, 0.5, 0.99])
def test_robust_at_is_unbiased(number: int, k: int, p: float) -> None:
    """Its expectation over the binomial counts is p^k; (c / n)^k has another one."""
    counts = np.arange(number + 1)
    chances = stats.binom.pmf(counts, number, p)
    assert (chances * robust_at(counts, number, k)).sum() == pytest.approx(
        p**k, rel=1e-9, abs=1e-30
    )
    if k > 1 and p < 0.99:
        assert (chances * (counts / number) ** k).sum() > 1.01 * p**k


@pytest.mark.statistical
def test_robust_at_of_drawn_queries() -> None:
    """Fails by chance once in 15,000 seeds: the mean is within four standard errors."""
    counts = np.random.default_rng(0).binomial(20, 0.9, 20_000)
    found = robust_at(counts, 20, 5)
    assert abs(found.mean() - 0.9**5) < 4 * found.std() / np.sqrt(len(found))


def test_robust_at_has_its_closed_forms_at_both_ends() -> None:
    counts = np.arange(101).reshape(1, 101)
    np.testing.assert_array_equal(robust_at(counts, 100, 1), counts / 100)
    np.testing.assert_array_equal(robust_at(counts, 100, 100), counts == 100)


def test_robust_at_is_exact_where_factorials_overflow() -> None:
    """C(4999, 100) / C(5000, 100) = 1 - 100 / 5000."""
    assert robust_at(np.array([4999]), 5000, 100).tolist() == [0.98]


@pytest.mark.parametrize(
    ("counts", "number", "k", "message"),
    [
        ([3], 5, 6, "k must be between 1 and the 5 queries of each image, got 6; ask more queries"),
        ([3], 5, 0, "k must be an integer >= 1, got 0"),
        ([3], 0, 1, "number of queries must be an integer >= 1, got 0"),
        ([6], 5, 1, "counts of correct queries must be integers between 0 and 5"),
        ([-1], 5, 1, "counts of correct queries must be integers between 0 and 5"),
    ],
)
def test_what_robust_at_refuses(counts: list[int], number: int, k: int, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        robust_at(np.array(counts), number, k)


@given(right=st.lists(st.booleans(), min_size=1, max_size=60))
def test_a_share_of_right_and_wrong_has_the_exact_interval(right: list[bool]) -> None:
    low, high = clopper_pearson(np.array(sum(right)), len(right))
    assert share_interval(np.array(right)) == pytest.approx((float(low), float(high)), rel=1e-12)


@given(values=st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_the_interval_holds_the_mean_and_lies_between_those_of_neighbouring_counts(
    values: list[float],
) -> None:
    low, high = share_interval(np.array(values))
    assert low <= np.mean(values) + 1e-9
    assert high >= np.mean(values) - 1e-9
    total = sum(values)
    below, above = math.floor(total + 1e-9), math.ceil(total - 1e-9)
    lows, highs = clopper_pearson(np.array([below, above]), len(values))
    assert lows[0] - 1e-9 <= low <= lows[1] + 1e-9
    assert highs[0] - 1e-9 <= high <= highs[1] + 1e-9


@pytest.mark.statistical
def test_the_interval_covers_means_of_shares() -> None:
    """Coverage of at least 95 %; falls below 92 % by chance in less than 1 of 1,000 seeds."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(500):
        low, high = share_interval(rng.beta(0.3, 0.2, 50))
        covered += low <= 0.6 <= high
    assert covered / 500 >= 0.92


@pytest.mark.parametrize("values", [[0.5, 1.5], [-0.1]])
def test_what_a_share_refuses(values: list[float]) -> None:
    with pytest.raises(ArgumentError, match="values of a share must be between 0 and 1"):
        share_interval(np.array(values))
