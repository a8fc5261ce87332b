"""What is given to a statistic: counts, and anything that is no number."""

import functools
from collections.abc import Callable
from numbers import Integral
from typing import Any, ParamSpec, TypeVar

import numpy as np

from pyrosnn.errors import ArgumentError, brief, reading, require

P = ParamSpec("P")
R = TypeVar("R")


def of_numbers(function: Callable[P, R]) -> Callable[P, R]:
    """Say in words that an argument of a statistic is no number, or has another shape.

    Args:
        function: the statistic.

    Example:
        >>> @of_numbers
        ... def half(value: float) -> float:
        ...     return value / 2
        >>> half("much")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        pyrosnn.errors.ArgumentError: an argument of half is not as it should be, or ...
    """

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        with reading(f"an argument of {function.__name__}", "give numbers as its docstring says"):
            return function(*args, **kwargs)

    return called


def require_count(name: str, value: Any, *, least: int = 1) -> None:
    """Refuse what is no integer from a number on.

    Args:
        name: its name.
        value: what was given.
        least: the number.

    Raises:
        ArgumentError: ``trials must be an integer >= 1, got 0``.
    """
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    require(whole and value >= least, f"{name} must be an integer >= {least}, got {brief(value)}")


def counts(name: str, values: Any, most: int) -> np.ndarray:
    """Return counts as an array of integers.

    Args:
        name: their name.
        values: integers of any shape.
        most: the largest that a count may be.

    Raises:
        ArgumentError: ``successes must be integers between 0 and 10, got 0 to 11``.

    Example:
        >>> counts("successes", [0, 3], 10)
        array([0, 3])
    """
    words = f"{name} must be integers between 0 and {most}"
    try:
        found = np.asarray(values)
    except (RuntimeError, TypeError, ValueError) as error:  # lists of several lengths, a graph
        raise ArgumentError(f"{words}, got {brief(values)}") from error
    require(found.dtype.kind in "iu" or found.size == 0, f"{words}, got {brief(values)}")
    if found.size > 0:
        inside = bool(((found >= 0) & (found <= most)).all())
        require(inside, f"{words}, got {found.min()} to {found.max()}")
    return found.astype("int64")  # of fewer bits, they would overflow beside larger numbers
