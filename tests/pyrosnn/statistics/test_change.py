"""The interval for a mean change: closed forms, signs, and how often it covers the truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from support.simulated import outcomes

from pyrosnn.errors import ArgumentError
from pyrosnn.statistics import change_interval, crossed_half_widths


def test_of_one_repeat_it_is_bonett_and_prices_with_students_quantile() -> None:
    only_second, only_first, number = 12, 5, 80
    changes = np.array([1.0] * only_second + [-1.0] * only_first + [0.0] * (number - 17))
    gained, lost = (only_second + 1) / (number + 2), (only_first + 1) / (number + 2)
    variance = (gained + lost - (gained - lost) ** 2) / (number + 1)
    half = stats.t.ppf(0.975, number + 1) * variance**0.5
    assert change_interval(changes[None, None]) == pytest.approx(
        (gained - lost - half, gained - lost + half)
    )


@pytest.mark.parametrize("number", [5, 100, 1000])
def test_no_change_has_an_interval_that_shrinks_with_the_images(number: int) -> None:
    low, high = change_interval(np.zeros((3, 2, number)))
    assert low == -high
    assert 2.7 / (number + 2) < high < 3.8 / (number + 2)


def test_with_many_images_it_is_the_interval_of_a_difference() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.random((4, 20_000)) < 0.5, rng.random((6, 20_000)) < 0.6
    changes = second[None].astype(float) - first[:, None]
    low, high = change_interval(changes, confidence=0.9)
    _, half = crossed_half_widths(second.astype(float), first.astype(float), confidence=0.9)
    assert (high - low) / 2 == pytest.approx(float(half), rel=0.01)
    assert (high + low) / 2 == pytest.approx(changes.mean(), abs=1e-4)


@given(seed=st.integers(0, 999), repeats=st.tuples(st.integers(1, 4), st.integers(1, 4)))
def test_it_holds_the_mean_and_turns_with_the_order(seed: int, repeats: tuple[int, int]) -> None:
    changes = np.random.default_rng(seed).integers(-6, 7, (*repeats, 9)) / 6
    low, high = change_interval(changes)
    assert -1 <= low <= changes.mean() <= high <= 1
    turned = change_interval(-changes.transpose(1, 0, 2))
    np.testing.assert_allclose(turned, (-high, -low), atol=1e-12)


@pytest.mark.statistical
@pytest.mark.parametrize("share", [0.01, 0.05, 0.5])
def test_rare_changes_of_one_repeat_are_covered(share: float) -> None:
    """2,000 experiments of 100 images: at least 94 % (95 % less 2 standard errors)."""
    rng = np.random.default_rng(1)
    gain, loss = share, share / 3
    drawn = rng.choice([1.0, -1.0, 0.0], (2000, 100), p=[gain, loss, 1 - gain - loss])
    ends = np.array([change_interval(changes[None, None]) for changes in drawn])
    covered = ((ends[:, 0] <= gain - loss) & (ends[:, 1] >= gain - loss)).mean()
    assert covered >= 0.94, covered


@pytest.mark.statistical
@pytest.mark.parametrize("repeats", [(5, 5), (3, 8)])
def test_repeats_that_images_share_are_covered(repeats: tuple[int, int]) -> None:
    """1,000 experiments, blocks of 50 images with common noise: at least 93 % (3 SE below 95)."""
    rng = np.random.default_rng(2)
    experiments, images = 1000, 100
    hard = rng.normal(size=(experiments, images))
    both = [
        outcomes(rng, level + hard, repeats=number, block=50, shared=1.0, experiments=experiments)
        for level, number in zip((0.2, 0.5), repeats, strict=True)
    ]
    truth = np.diff(stats.norm.cdf(np.array([0.2, 0.5]) / 3**0.5))[0]
    ends = np.array(
        [
            change_interval(other[None].astype(float) - one[:, None])
            for one, other in zip(*both, strict=True)
        ]
    )
    covered = ((ends[:, 0] <= truth) & (ends[:, 1] >= truth)).mean()
    assert covered >= 0.93, covered


def test_bounds_hold_a_mean_beyond_1_where_that_is_possible() -> None:
    """What linear theory does not explain may be 2: it may predict the opposite change."""
    changes = np.full((1, 1, 100), 2.0)
    assert change_interval(changes)[1] == 1.0
    low, high = change_interval(changes, most=2.0)
    assert 1.8 < low < 2.0 == high
    one, two = (change_interval(np.zeros((2, 3, 50)), most=most) for most in (1.0, 2.0))
    assert two == pytest.approx(tuple(2 * end for end in one))


def test_a_change_that_is_not_known_has_no_interval() -> None:
    assert all(np.isnan(change_interval(np.full((2, 2, 4), np.nan))))
    with pytest.raises(ArgumentError, match=r"confidence must be"):
        change_interval(np.zeros((1, 1, 4)), confidence=1.5)
