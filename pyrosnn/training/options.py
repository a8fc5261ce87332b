"""Settings of a table's row: a frozen dataclass, made from plain values that are checked first."""

from collections.abc import Collection, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any

from pyrosnn.errors import ArgumentError, require, unknown_name

# What a value may be where a field says one of these; of other fields the row checks itself.
KINDS: dict[Any, tuple[type, ...]] = {
    float: (int, float),
    int: (int,),
    str: (str,),
    bool: (bool,),
}


def from_options(
    row: type[Any], name: str, options: Mapping[str, Any], *, hidden: Collection[str] = ()
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
    for option, value in options.items():
        if option not in known:
            raise unknown_name(f"option of {name}", str(option), known)
        _check(known[option], name, value)
    for field in known.values():
        needed = field.default is MISSING and field.default_factory is MISSING
        require(not needed or field.name in options, f"{name} needs the option '{field.name}'")
    values = {key: tuple(v) if isinstance(v, list) else v for key, v in options.items()}
    return row(**values)


def _check(field: Field[Any], name: str, value: Any) -> None:
    kinds = KINDS.get(field.type)
    if kinds is None:
        return
    fits = isinstance(value, kinds) and (field.type is bool or not isinstance(value, bool))
    expected = getattr(field.type, "__name__", field.type)
    require(fits, f"{field.name} of {name} must be {expected}, got {value!r}")
