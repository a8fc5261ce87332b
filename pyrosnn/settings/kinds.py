"""Types of settings: what a value may be, and how it is read from a text."""

import math
import numbers
import re
import types
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import annotated_types

from pyrosnn.errors import ArgumentError, brief, require, unknown_name
from pyrosnn.settings.marks import OneOf, Positions

# A typing error in a range should not make a million strengths, or a billion positions.
MAX_VALUES = 1000
MAX_POSITIONS = 1_000_000

WORDS = {int: "an integer", float: "a number", str: "a text", bool: "true or false", Path: "a path"}
PLURALS = {int: "integers", float: "numbers", str: "names"}
_BOUNDS = {
    annotated_types.Ge: ("ge", ">="),
    annotated_types.Gt: ("gt", ">"),
    annotated_types.Le: ("le", "<="),
    annotated_types.Lt: ("lt", "<"),
}


@dataclass(frozen=True)
class Kind:
    """The type of a setting, and its marks.

    Attributes:
        type: ``int``, ``float``, ``str``, ``bool`` or ``Path``; None for another, which the class
            checks itself.
        many: whether it is a sequence of such values.
        optional: whether None is a value.
        marks: what ``Annotated`` has beside the type.
    """

    type: Any
    many: bool = False
    optional: bool = False
    marks: tuple[Any, ...] = ()

    def mark(self, cls: Any) -> Any:
        """Return the first mark of a class, or None."""
        return next((mark for mark in self.marks if isinstance(mark, cls)), None)

    @property
    def choices(self) -> Sequence[str] | None:
        """What a value may be, if that is a name in a table."""
        mark = self.mark(OneOf)
        return None if mark is None else tuple(mark.known)


def kind_of(hint: Any) -> Kind:
    """Return the kind of a type hint.

    Example:
        >>> from typing import Annotated
        >>> kind_of(Annotated[tuple[float, ...], annotated_types.MinLen(1)]).many
        True
        >>> kind_of(int | None)
        Kind(type=<class 'int'>, many=False, optional=True, marks=())
    """
    marks: tuple[Any, ...] = ()
    while get_origin(hint) is Annotated:
        hint, *inner = get_args(hint)
        marks = (*inner, *marks)
    if get_origin(hint) in (Union, types.UnionType):
        others = [one for one in get_args(hint) if one is not type(None)]
        if len(others) == 1:
            inner_kind = kind_of(others[0])
            return Kind(inner_kind.type, inner_kind.many, True, (*marks, *inner_kind.marks))
        return Kind(None, marks=marks)
    if get_origin(hint) in (tuple, list, Sequence):
        arguments = [one for one in get_args(hint) if one is not Ellipsis]
        one_type = len(set(arguments)) == 1 and arguments[0] in PLURALS
        one_length = get_origin(hint) is tuple and Ellipsis not in get_args(hint)
        if one_type and not one_length:
            return Kind(arguments[0], many=True, marks=marks)
        return Kind(None, marks=marks)
    return Kind(hint if hint in WORDS else None, marks=marks)


def check_value(name: str, value: Any, kind: Kind) -> None:
    """Refuse a value that a setting cannot have.

    Args:
        name: name of the setting.
        value: the value.
        kind: what it may be.

    Raises:
        ArgumentError: ``epochs must be >= 1, got 0``.
        UnknownNameError: for a name that is not in its table.

    Example:
        >>> check_value("share", 1.5, kind_of(Annotated[float, annotated_types.Lt(1)]))
        Traceback (most recent call last):
            ...
        pyrosnn.errors.ArgumentError: share must be < 1 and finite, got 1.5
    """
    if kind.type is None or (value is None and kind.optional):
        return
    if not kind.many:
        _check_one(name, value, kind)
        return
    plural = PLURALS[kind.type]
    listed = isinstance(value, Sequence) and not isinstance(value, str)
    require(listed, f"{name} must be a list of {plural}, got {brief(value)}")
    least = kind.mark(annotated_types.MinLen)
    if least is not None and len(value) < least.min_length:
        raise ArgumentError(f"{name} has {len(value)} values; expected at least {least.min_length}")
    for one in value:
        _check_one(name, one, kind)


def _check_one(name: str, value: Any, kind: Kind) -> None:
    fits: dict[Any, Any] = {int: numbers.Integral, float: numbers.Real, Path: (str, Path)}
    right = isinstance(value, fits.get(kind.type, kind.type)) and (
        kind.type is bool or not isinstance(value, bool)
    )
    names = kind.mark(OneOf)
    expected = WORDS[kind.type or str] if names is None else f"a name ({', '.join(names.known)})"
    require(right, f"{name} must be {expected}, got {brief(value)}")
    if names is not None and not names.has(value):
        raise unknown_name(names.kind or name.replace("_", " "), value, names.known)
    bounds = [mark for mark in kind.marks if type(mark) in _BOUNDS]
    inside = all(_holds(mark, value) for mark in bounds)
    finite = kind.type is not float or math.isfinite(value)
    require(inside and finite, f"{name} must be {_range(bounds, kind)}, got {value}")


def _holds(mark: Any, value: Any) -> bool:
    attribute, sign = _BOUNDS[type(mark)]
    bound = getattr(mark, attribute)
    return bool(
        {
            ">=": value >= bound,
            ">": value > bound,
            "<=": value <= bound,
            "<": value < bound,
        }[sign]
    )


def _range(bounds: Sequence[Any], kind: Kind) -> str:
    """Return the values between bounds in words: ``in (0, 1]``, ``>= 0 and finite``."""
    by_sign = {
        _BOUNDS[type(mark)][1]: format(getattr(mark, _BOUNDS[type(mark)][0]), "g")
        for mark in bounds
    }
    low = next((sign for sign in (">=", ">") if sign in by_sign), None)
    high = next((sign for sign in ("<=", "<") if sign in by_sign), None)
    if low and high:
        left, right = "[" if low == ">=" else "(", "]" if high == "<=" else ")"
        return f"in {left}{by_sign[low]}, {by_sign[high]}{right}"
    one_sided = " ".join(f"{sign} {by_sign[sign]}" for sign in (low, high) if sign)
    if kind.type is not float:
        return one_sided
    return f"{one_sided} and finite" if one_sided else "finite"


def plain(value: Any, kind: Kind) -> Any:
    """Return a value as its kind has it: a list as a tuple, a fraction as a float.

    Args:
        value: the value, of the kind or not.
        kind: the kind of the setting.

    Example:
        >>> plain("8/255", kind_of(float)) == 8 / 255, plain([1, "1/2"], kind_of(tuple[float, ...]))
        (True, (1, 0.5))
    """
    if kind.many and isinstance(value, list | tuple):
        one = Kind(kind.type)
        return tuple(plain(each, one) for each in value)
    if kind.type is float and isinstance(value, str) and "/" in value:
        with suppress(ValueError, ZeroDivisionError):
            return number(value)
    return value


def number(text: str) -> float:
    """Read a number or a fraction of two.

    Raises:
        ValueError, ZeroDivisionError: for anything else.

    Example:
        >>> number("0.5"), number("8/255") == 8 / 255
        (0.5, True)
    """
    above, line, below = text.partition("/")
    return float(above) / float(below) if line else float(above)


def parse_integer(text: str, option: str) -> int:
    """Read an integer.

    Args:
        text: the text.
        option: name of the option, for errors.

    Raises:
        ArgumentError: ``--images expects an integer, got 'ten'``.
    """
    try:
        return int(text)
    except ValueError:
        raise ArgumentError(f"{option} expects an integer, got '{text}'") from None


def parse_number(text: str, option: str) -> float:
    """Read a number or a fraction of two.

    Args:
        text: the text.
        option: name of the option, for errors.

    Raises:
        ArgumentError: naming the option and the expected form.
    """
    try:
        return number(text)
    except (ValueError, ZeroDivisionError):
        raise ArgumentError(f"{option} expects a number (0.5 or 8/255), got '{text}'") from None


def parse(text: str, kind: Kind, option: str) -> Any:
    """Read a sequence from a text: ``1,5,10``, or a range ``start:stop:step`` of numbers.

    Numbers may be fractions: ``0,4/255,8/255``. A range holds its stop; among positions there may
    be slices, which do not, as in Python: ``3,20:40``.

    Args:
        text: the text.
        kind: the kind of the sequence.
        option: name of the option, for errors.

    Raises:
        ArgumentError: naming the option and the expected form.

    Example:
        >>> parse("0:1:0.5", kind_of(tuple[float, ...]), "--strengths")
        (0.0, 0.5, 1.0)
        >>> parse("3,20:26:2", kind_of(Annotated[tuple[int, ...], Positions()]), "--indices")
        (3, 20, 22, 24)
    """
    if kind.mark(Positions) is not None:
        return _positions(text, option)
    if kind.type is str:
        return tuple(part.strip() for part in text.split(","))
    if kind.type is int:
        try:
            return tuple(int(part) for part in text.split(","))
        except ValueError:
            raise ArgumentError(
                f"{option} expects integers separated by commas (1,5,10), got '{text}'"
            ) from None
    try:
        if ":" in text:
            return _range_of(*(number(part) for part in text.split(":")))
        return tuple(number(part) for part in text.split(","))
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        raise ArgumentError(
            f"{option} expects numbers separated by commas (0,0.5,1 or 4/255,8/255) or "
            f"start:stop:step (0:1:0.5), got '{text}'"
        ) from None


def _range_of(*ends: float) -> tuple[float, ...]:
    """Return start, start + step, … up to the stop; as fractions, for 0.3 / 0.1 is below 3."""
    start, stop, step = (Fraction(end).limit_denominator(10**12) for end in ends)
    count = (stop - start) // step
    if not 0 <= count < MAX_VALUES:
        raise ValueError
    return tuple(float(start + step * i) for i in range(count + 1))


def _positions(text: str, option: str) -> tuple[int, ...]:
    """Read positions and slices: ``3,17,20:40``."""
    try:
        found: list[int] = []
        for part in text.split(","):
            ends = [int(end) for end in part.split(":")]
            slice_of = range(*ends) if len(ends) > 1 else range(ends[0], ends[0] + 1)
            if not 0 < len(slice_of) <= MAX_POSITIONS - len(found):
                raise ValueError
            found += slice_of
        return tuple(found)
    except (TypeError, ValueError, OverflowError):
        raise ArgumentError(
            f"{option} expects integers and slices separated by commas (3,17,20:40), got '{text}'"
        ) from None


def shown(value: Any) -> str:
    """Return a value as a command line has it.

    Example:
        >>> shown((128, 128)), shown(0.05), shown(True)
        ('128,128', '0.05', 'on')
    """
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (tuple, list)):
        return ",".join(map(shown, value)) or "none"
    if isinstance(value, Mapping) or value is None or value == "":
        return "none"
    return format(value, "g") if isinstance(value, float) else str(value)


UNITS = {"": 1, "B": 1} | {
    f"{prefix}{suffix}": base ** (power + 1)
    for power, prefix in enumerate("KMGT")
    for suffix, base in (("B", 1000), ("iB", 1024), ("", 1024))
}


def parse_bytes(text: str, option: str) -> int:
    """Read ``512MiB``, ``2GB``, ``1.5G`` or a number of bytes.

    Args:
        text: the text.
        option: name of the option, for errors.

    Raises:
        ArgumentError: naming the option and the expected form.

    Example:
        >>> parse_bytes("1.5KiB", "--memory-budget")
        1536
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
    units = {unit.lower(): size for unit, size in UNITS.items()}
    size = 0
    if match is not None and match[2].lower() in units:
        exact = float(match[1]) * units[match[2].lower()]
        size = int(exact) if math.isfinite(exact) else 0
    if size < 1:
        raise ArgumentError(f"{option} expects a size like 512MiB, 2GB or 1.5G, got '{text}'")
    return size
