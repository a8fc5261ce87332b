"""Types are checked in the tests: in the first calls of a function, and again in the next test."""

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


@pytest.mark.parametrize("test", [1, 2])
def test_a_wrong_type_is_found_until_a_function_was_called_often(test: int) -> None:
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


@pytest.mark.parametrize("test", [1, 2])
def test_functions_of_functions_are_checked_the_first_times_they_are_made(test: int) -> None:
    for _ in range(first_calls.MOST):
        with pytest.raises(jaxtyping.TypeCheckError, match="of_floats"):
            made()(WRONG)
    made()(WRONG)  # no longer
