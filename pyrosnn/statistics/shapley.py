"""Shapley values: a change split among its factors, each exchanged in every order."""

from collections.abc import Callable
from itertools import permutations
from math import factorial

import numpy as np

from pyrosnn.errors import require
from pyrosnn.statistics.arguments import of_numbers


@of_numbers
def shapley_values(outcome: Callable[[frozenset[int]], np.ndarray], factors: int) -> np.ndarray:
    r"""Split the change of an outcome among the factors that change.

    One factor after the other is exchanged, and the outcome changes step by step. What a factor
    changes depends on those that were exchanged before it, so that its part is the mean over all
    orders. It is the only split that adds up to the change, treats factors alike, gives nothing
    to a factor that never changes anything, and is additive over images.

    Args:
        outcome: the outcome, an array, after the factors in a set were exchanged.
        factors: how many factors there are, at least 1; their numbers count from 0.

    Returns:
        The part of each factor, shape (factor, …). Their sum is the outcome with all factors
        exchanged less that with none.

    Raises:
        ArgumentError: ``factors must be >= 1, got 0``.

    References:
        Shapley (1953).

    Example:
        >>> shapley_values(lambda new: np.array(6.0 * (len(new) == 3)), 3).tolist()
        [2.0, 2.0, 2.0]
    """
    require(factors >= 1, f"factors must be >= 1, got {factors}")
    known: dict[frozenset[int], np.ndarray] = {}

    def after(new: frozenset[int]) -> np.ndarray:
        if new not in known:
            known[new] = np.asarray(outcome(new), dtype="float64")
        return known[new]

    parts = np.zeros((factors, *after(frozenset()).shape))
    for order in permutations(range(factors)):
        for place, factor in enumerate(order):
            before = frozenset(order[:place])
            parts[factor] += after(before | {factor}) - after(before)
    return parts / factorial(factors)
