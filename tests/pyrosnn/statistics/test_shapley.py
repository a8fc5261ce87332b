"""A change split among factors: closed forms, and the properties that make it the only split."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyrosnn.errors import ArgumentError
from pyrosnn.statistics import shapley_values


def table(seed: int, factors: int) -> Callable[[frozenset[int]], np.ndarray]:
    """Return an outcome with a value of its own for each set of factors."""
    values = np.random.default_rng(seed).integers(-9, 9, (2**factors, 3)).astype(float)
    return lambda new: values[sum(2**one for one in new)]


def test_a_sum_gives_each_factor_its_own_change() -> None:
    changes = np.array([2.0, -3.0, 0.5])
    found = shapley_values(lambda new: np.asarray(changes[sorted(new)].sum()), 3)
    assert found.tolist() == changes.tolist()


def test_of_a_product_of_two_each_has_the_mean_over_both_orders() -> None:
    old, new = (2.0, 3.0), (5.0, 7.0)

    def outcome(chosen: frozenset[int]) -> np.ndarray:
        return np.asarray(np.prod([(new if i in chosen else old)[i] for i in range(2)]))

    # half of (5 - 2) 3 + (5 - 2) 7, and of (7 - 3) 2 + (7 - 3) 5
    assert shapley_values(outcome, 2).tolist() == [15.0, 14.0]


@given(seed=st.integers(0, 999), factors=st.integers(1, 4))
def test_parts_add_up_and_turn_their_sign_with_the_direction(seed: int, factors: int) -> None:
    outcome, every = table(seed, factors), frozenset(range(factors))
    parts = shapley_values(outcome, factors)
    np.testing.assert_allclose(parts.sum(0), outcome(every) - outcome(frozenset()), atol=1e-12)
    back = shapley_values(lambda new: outcome(every - new), factors)
    np.testing.assert_allclose(back, -parts, atol=1e-12)


@given(seed=st.integers(0, 999))
def test_a_factor_without_effect_gets_nothing_and_like_factors_get_alike(seed: int) -> None:
    outcome = table(seed, 2)
    with_idle = shapley_values(lambda new: outcome(new - {2}), 3)
    assert not with_idle[2].any()
    np.testing.assert_allclose(with_idle[:2], shapley_values(outcome, 2), atol=1e-12)
    counted = table(seed, 4)
    alike = shapley_values(lambda new: counted(frozenset(range(len(new)))), 3)
    np.testing.assert_allclose(alike, np.broadcast_to(alike[0], alike.shape), atol=1e-12)


def test_no_factor_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"factors must be >= 1, got 0"):
        shapley_values(lambda new: np.zeros(1), 0)
