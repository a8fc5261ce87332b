"""What a table or a sentence needs of a result: where it is not there, an error says so."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

from pyrosnn.errors import ArgumentError, reading
from pyrosnn.results import GROUPS
from pyrosnn.results.validation import check_group
from pyrosnn.settings import checked_arguments
from pyrosnn.summaries.evaluated import group_of

P = ParamSpec("P")
R = TypeVar("R")


def needs(*groups: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Refuse what is no result, and a result without the values that a function shows.

    Args:
        groups: groups of values that the function reads; others may be there, too.

    Example:
        >>> import xarray as xr
        >>> @needs("evaluation")
        ... def sizes(result: xr.DataTree) -> list[int]: ...
        >>> sizes(xr.DataTree())  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        pyrosnn.errors.ArgumentError: the result of 'unknown' has no group 'evaluation' but none...
    """

    def decorated(function: Callable[P, R]) -> Callable[P, R]:
        @checked_arguments  # by the function's own hints; the result comes first
        @functools.wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            _require(args[0], groups)
            with reading("the result", "run the study again"):
                return function(*args, **kwargs)

        return called

    return decorated


def _require(result: Any, groups: Sequence[str]) -> None:
    """Refuse a result without some groups, or whose values are not as their names say."""
    for group in groups:
        group_of(result, group)
    for group in sorted(set(GROUPS) & set(result.children)):
        try:
            check_group(result[group].dataset)
        except ValueError as error:
            raise ArgumentError(
                f"the group '{group}' of the result is not as its study writes it: {error}"
            ) from error
