"""What a table or a sentence needs of a result: where it is not there, an error says so."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

from pyrosnn.errors import ArgumentError, PyrosnnError, first_line
from pyrosnn.results import GROUPS
from pyrosnn.results.validation import check_group
from pyrosnn.settings import checked_arguments
from pyrosnn.summaries.evaluated import group_of

P = ParamSpec("P")
R = TypeVar("R")

FAULT = "this is a fault of pyrosnn"


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
            try:
                return function(*args, **kwargs)
            except PyrosnnError:
                raise
            except KeyError as error:  # xarray's, whose text is long
                lost = str(error.args[0]).split("\n")[0] if error.args else "a variable"
                raise ArgumentError(
                    f"the result lacks what its study writes: {lost}; run the study again"
                ) from error
            # what a file holds may be wrong in more ways than the schema names, and so may we
            except (IndexError, TypeError, ValueError) as error:
                raise ArgumentError(
                    f"the result is not as its study writes it, or {FAULT} ({first_line(error)}); "
                    "run the study again, and if that does not help, set PYROSNN_TRACEBACK=1 to "
                    "see where, and please report it"
                ) from error

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
