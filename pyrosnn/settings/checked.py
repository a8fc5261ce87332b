"""Settings: frozen dataclasses that check their own values, and are made from plain ones."""

from collections.abc import Collection, Hashable, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Any, ClassVar, get_type_hints

from pyrosnn.errors import ArgumentError, require, unknown_name
from pyrosnn.settings.calls import RightlyCalled
from pyrosnn.settings.kinds import Kind, check_value, kind_of, plain


@dataclass(frozen=True, kw_only=True)
class Settings(metaclass=RightlyCalled):
    """Base of a frozen dataclass of settings.

    The fields' types and marks are checked when it is made; an argument that it lacks or needs is
    named in one sentence. They are also the options of the command line and the keys of a file; the
    lines of ``Attributes:`` are their help.

    Attributes:
        panel: the panel of a help text that shows the fields of this class.

    Example:
        >>> from dataclasses import dataclass
        >>> from typing import Annotated
        >>> from annotated_types import Ge
        >>> @dataclass(frozen=True, kw_only=True)
        ... class Sets(Settings):
        ...     size: Annotated[int, Ge(1)] = 10
        >>> Sets(size=0)
        Traceback (most recent call last):
            ...
        pyrosnn.errors.ArgumentError: size must be >= 1, got 0
    """

    panel: ClassVar[str] = ""

    def __post_init__(self) -> None:
        """Check each value; lists become tuples, and fractions in a text floats."""
        check_fields(self)


def check_fields(made: Any) -> None:
    """Check each value of a dataclass; make lists tuples, and fractions (``"8/255"``) floats.

    Raises:
        ArgumentError, UnknownNameError: naming the value and the values that are expected.
    """
    cls: Any = type(made)
    for name, kind in kinds_of(cls).items():
        given = getattr(made, name)
        value = plain(given, kind)
        check_value(name, value, kind)
        if value is not given:
            object.__setattr__(made, name, value)


@cache
def kinds_of(cls: Hashable) -> dict[str, Kind]:
    """Return the kinds of a dataclass's fields by name."""
    made: Any = cls
    hints = get_type_hints(made, include_extras=True)
    return {field.name: kind_of(hints[field.name]) for field in fields(made)}


def from_options(
    row: Any, name: str, options: Mapping[str, Any], *, hidden: Collection[str] = ()
) -> Any:
    """Make a row of a table from its options; lists become tuples, as JSON has no others.

    Args:
        row: a dataclass with keyword arguments.
        name: its name in the table, for errors.
        options: values of its fields by name.
        hidden: fields that are no options.

    Raises:
        UnknownNameError: ``unknown option of pgd 'stpes'; did you mean 'steps'? (norm, …)``.
        ArgumentError: for an option that is missing, or of a wrong type.
    """
    if not isinstance(options, Mapping):
        raise ArgumentError(f"options of {name} must be values by name, got {options!r}")
    known = {field.name: field for field in fields(row) if field.name not in hidden}
    made = {}
    for option, given in options.items():
        if option not in known:
            raise unknown_name(f"option of {name}", str(option), known)
        made[option] = plain(given, kinds_of(row)[option])
        check_value(option, made[option], kinds_of(row)[option])
    for field in known.values():
        needed = field.default is MISSING and field.default_factory is MISSING
        require(not needed or field.name in options, f"{name} needs the option '{field.name}'")
    return row(**{key: tuple(v) if isinstance(v, list) else v for key, v in made.items()})
