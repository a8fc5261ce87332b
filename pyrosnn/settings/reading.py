"""Values that a function reads by their names: where they are not as it needs them, a sentence."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from pyrosnn.errors import reading
from pyrosnn.settings.arguments import STEPS, checked_arguments

P = ParamSpec("P")
R = TypeVar("R")


def reads(what: str, step: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Check a function's arguments by their type hints, and read values as ``reading`` does.

    Args:
        what: a noun for the values.
        step: what to do about it.
    """

    def decorated(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            with reading(what, step):
                return function(*args, **kwargs)

        return checked_arguments(called, steps={**STEPS, "Dataset": step, "DataArray": step})

    return decorated
