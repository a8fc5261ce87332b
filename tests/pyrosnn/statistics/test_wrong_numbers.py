"""Wrong types and shapes end in pyrosnn's own errors, at every statistic."""

import inspect
from typing import Any

import numpy as np
import pytest
from support.wrong_values import refuses

from pyrosnn import statistics

EXAMPLES = 40
SPREAD = np.array([[0.0, 1.0, 0.5], [0.5, 0.25, 1.0]])

# Right arguments, by their names.
ARGUMENTS: dict[str, Any] = {
    "alpha": 0.01,
    "changes": SPREAD,
    "confidence": 0.9,
    "correct": np.array([1, 2]),
    "degrees": 3,
    "factors": 2,
    "first": SPREAD,
    "images": 10,
    "k": 2,
    "mean": 0.5,
    "means": np.array([0.5, 0.25]),
    "number": 3,
    "outcome": lambda new: np.array([float(len(new))]),
    "sd": 0.5,
    "second": SPREAD,
    "share": 0.9,
    "successes": np.array([1, 2]),
    "trials": 3,
    "values": SPREAD,
    "variance": 0.25,
    "variances": [0.5, 0.25],
    "width": 2.0,
}
OTHERS = {
    ("change_interval", "changes"): SPREAD[None],
    ("highest_density", "values"): SPREAD.ravel(),
    ("welch_half_width", "degrees"): [2, 3],
}


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("name", statistics.__all__)
def test_wrong_types_and_shapes_are_refused_in_words(name: str) -> None:
    function = getattr(statistics, name)
    right = {
        one: OTHERS.get((name, one), ARGUMENTS.get(one, parameter.default))
        for one, parameter in inspect.signature(function).parameters.items()
    }
    function(**right)
    refuses(function, right, EXAMPLES)


def test_counts_of_few_bits_do_not_overflow() -> None:
    few = np.array([3, 200], dtype="uint8")
    exact = statistics.probability_upper(few.astype("int64"), 1000, 0.01)
    np.testing.assert_array_equal(statistics.probability_upper(few, 1000, 0.01), exact)
    assert statistics.robust_at(np.array([]), 3, 2).shape == (0,)
