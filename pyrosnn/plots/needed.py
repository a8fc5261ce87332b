"""What a figure needs of a result beside its values, asked for all at once."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

import xarray as xr

from pyrosnn.errors import require
from pyrosnn.results import GROUP, read_provenance, read_spec
from pyrosnn.settings import checked_arguments

# what a judged attack has
JUDGED = ("adversarial_correct", "clean_correct", "cosine")

P = ParamSpec("P")
R = TypeVar("R")


def draws(
    *,
    provenance: Sequence[str] = (),
    spec: Sequence[str] = (),
    variables: Sequence[str] = (),
    group: str = GROUP,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Check the arguments of a function that draws, and that its result has what it shows.

    Args:
        provenance: names that the provenance of its first argument must have.
        spec: names that the spec must have.
        variables: variables that the values must have.
        group: the group of these variables.
    """

    def decorated(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            result: Any = args[0] if args else kwargs.get("result")
            if isinstance(result, xr.DataTree):
                require_entries(
                    result, provenance=provenance, spec=spec, variables=variables, group=group
                )
            return function(*args, **kwargs)

        return checked_arguments(checked)

    return decorated


def require_entries(
    result: xr.DataTree,
    *,
    provenance: Sequence[str] = (),
    spec: Sequence[str] = (),
    variables: Sequence[str] = (),
    group: str = GROUP,
) -> None:
    """Refuse a result that lacks what its figure shows.

    Args:
        result: what a study returned, or a result of the library.
        provenance: names that its provenance must have.
        spec: names that its spec must have.
        variables: variables that its values must have.
        group: the group of these variables.

    Raises:
        ArgumentError: naming all that is missing, and where it belongs.
    """
    values = result[group].dataset if group in result.children else xr.Dataset()
    held = {
        "provenance": (provenance, _read(read_provenance, result, "provenance")),
        "spec": (spec, _read(read_spec, result, "spec")),
        f"group {group}": (variables, values.variables),
    }
    missing = {
        place: [f"'{name}'" for name in names if name not in has]
        for place, (names, has) in held.items()
    }
    lacking = [f"{', '.join(names)} in its {place}" for place, names in missing.items() if names]
    require(
        not lacking,
        f"the figure needs {' and '.join(lacking)}, which the result lacks; give them to "
        "make_result(values, study=…, spec={…}, provenance={…})",
    )


def _read(
    read: Callable[[xr.DataTree], Mapping[str, Any]], result: xr.DataTree, name: str
) -> Mapping[str, Any]:
    """Read a record of a result; nothing where it has none, as a tree made by hand."""
    return read(result) if name in result.attrs else {}
