"""What a result may hold, so that its file can be read: numbers and texts, with plain attributes.

A file is made of whatever passes, and read again before it is kept. The sentences here come first,
because they name the variable or the attribute, and the way out.
"""

import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from pyrosnn.errors import require

# Attributes that say how a variable's values are encoded: a reader would change the values.
RESERVED = {
    *("_FillValue", "missing_value", "scale_factor", "add_offset", "dtype", "coordinates"),
    *("_Unsigned", "_Encoding", "CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST"),
}
LARGEST = 2**64  # of an integer in a file


def check_storable(result: xr.DataTree) -> None:
    """Refuse what a file cannot hold, or what would be read as something else.

    Args:
        result: what is to be saved.

    Raises:
        ArgumentError: naming the variable or the attribute, what it is, and what was expected.
    """
    require(
        isinstance(result, xr.DataTree),
        f"expected a result, got a {type(result).__name__}; make one with make_result",
    )
    _check_attributes("the result", result.attrs)
    for name, node in result.children.items():
        require(not node.children, f"the group {name} has groups in it, expected arrays alone")
        _check_attributes(f"the group {name}", node.attrs)
        _check_arrays(node.to_dataset(inherit=False))
    _check_arrays(result.to_dataset())


def _check_arrays(values: xr.Dataset) -> None:
    for name, array in values.variables.items():
        require(
            isinstance(name, str) and _is_text(name) and name not in ("", ".", ".."),
            f"a variable has the name {name!r}, expected a text",
        )
        _check_attributes(str(name), array.attrs)
        what = _wrong_type(values[name])
        require(
            not what,
            f"{name} {what}, expected numbers or texts; convert it, as with .astype(str), or leave "
            "it out",
        )


def _wrong_type(array: xr.DataArray) -> str:
    """Say what an array holds beside numbers and texts; empty where it holds nothing else."""
    kind = getattr(array.dtype, "kind", "")
    if kind == "O":
        others = {type(one).__name__ for one in array.values.flat if not isinstance(one, str)}
        if others:
            return f"holds values of type {', '.join(sorted(others))}"
    elif kind not in ("b", "i", "u", "f", "U"):
        return f"has the type {array.dtype}"
    if kind in ("O", "U") and not all(map(_is_text, array.values.flat)):
        return "holds texts with a NUL or half a character"
    return ""


def _check_attributes(of: str, attrs: Mapping[Any, Any]) -> None:
    for name, value in attrs.items():
        require(
            isinstance(name, str) and name not in RESERVED,
            f"{of} has the attribute {name!r}, which says how values are encoded; take it away",
        )
        require(
            _is_plain(value),
            f"the attribute {name} of {of} is {str(value)[:40]!r}, expected a number, a text, or a "
            "list of either; convert it, as with str() or json.dumps",
        )


def _is_plain(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        of_one_kind = len({isinstance(one, str) for one in value}) <= 1
        return of_one_kind and all(map(_is_one, value))
    return _is_one(value)


def _is_one(value: Any) -> bool:
    if isinstance(value, str):
        return _is_text(value)
    if isinstance(value, bool):
        return False
    if isinstance(value, numbers.Integral):
        return -LARGEST // 2 <= int(value) < LARGEST
    return isinstance(value, numbers.Real)


def _is_text(value: str) -> bool:
    """Whether a file can hold a text: without NUL, and of whole characters."""
    return "\0" not in value and value.encode(errors="ignore").decode() == value
