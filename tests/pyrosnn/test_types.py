"""Types are checked in the tests: in the first calls of a function, and again in the next test."""

import random
from collections.abc import Callable

import jaxtyping
import pytest
import torch
from jaxtyping import Float
from support import first_calls

from pyrosnn.attacks.norms import length


@pytest.fixture(autouse=True)
def checked(pytestconfig: pytest.Config) -> None:
    if not pytestconfig.getoption("--jaxtyping-packages"):
        pytest.skip("types are not checked in this run")


WRONG = torch.zeros(2, 3, dtype=torch.int64)  # images are of floats


def test_a_wrong_type_is_found_until_a_function_was_called_often() -> None:
    for test in ("one", "another"):
        first_calls.begin(test)
        _found_until_called_often()
        first_calls.begin(test)  # with other parameters
        length(WRONG)


def _found_until_called_often() -> None:
    right = torch.zeros(2, 3)
    for _ in range(first_calls.MOST - 1):
        length(right)
    with pytest.raises(jaxtyping.TypeCheckError, match="length"):
        length(WRONG)
    length(WRONG)  # no longer


def test_other_functions_are_checked_still() -> None:
    from pyrosnn.attacks.norms import largest_entry

    for _ in range(2 * first_calls.MOST):
        largest_entry(torch.zeros(2, 3))
    with pytest.raises(jaxtyping.TypeCheckError, match="length"):
        length(WRONG)


def made() -> Callable[[torch.Tensor], None]:
    @jaxtyping.jaxtyped(typechecker=first_calls.checked)
    def of_floats(x: Float[torch.Tensor, "2 3"]) -> None:
        return None

    return of_floats


def test_functions_of_functions_are_checked_the_first_times_they_are_made() -> None:
    for test in ("one", "another"):
        first_calls.begin(test)
        for _ in range(first_calls.MOST):
            with pytest.raises(jaxtyping.TypeCheckError, match="of_floats"):
                made()(WRONG)
        made()(WRONG)  # no longer


def test_the_check_draws_none_of_pythons_random_numbers() -> None:
    def takes(values: list[int]) -> None:
        return None

    checked = first_calls.checked(takes)
    before = random.getstate()
    checked([1, 2, 3])
    assert random.getstate() == before
