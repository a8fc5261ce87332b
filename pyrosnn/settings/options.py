"""Settings as one flat list of options: those of a command line, and the keys of a table in a file.

Nested settings become options, too: those of the rows that are chosen.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass
from typing import Any

from pyrosnn.errors import ArgumentError, unknown_name
from pyrosnn.functions import OWN_FUNCTION, REFERENCE
from pyrosnn.settings.declared import Declared, declared
from pyrosnn.settings.docstring import summary
from pyrosnn.settings.kinds import Kind, shown
from pyrosnn.settings.marks import Default, Named, OneOf, OptionsOf, Rare, TermsOf


@dataclass(frozen=True, kw_only=True)
class Option:
    """A setting, by the name that it has outside of Python.

    Attributes:
        name: its name, with underscores; no other option of the command has it.
        path: where its value goes among nested settings.
        kind: its type and marks.
        default: its default in words; empty if it has none.
        help: a sentence.
        panel: the panel of the help text.
        of: the row that it belongs to, such as ``pgd``; empty for settings of their own.
        terms: whether its values are names of terms, each with options of its own.
        also: other names that it is read by.
    """

    name: str
    path: tuple[str, ...]
    kind: Kind
    default: str = ""
    help: str = ""
    panel: str = ""
    of: str = ""
    terms: bool = False
    also: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        """Its name on the command line."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def rare(self) -> bool:
        """Whether few change it."""
        return self.kind.mark(Rare) is not None


def options_of(
    path: str,
    chosen: Mapping[str, Any] | None = None,
    *,
    into: tuple[str, ...] = (),
    panel: str = "",
    prefix: str = "",
    of: str = "",
    hidden: Collection[str] = (),
) -> list[Option]:
    """Return the options of a class or a function, nested ones of the chosen rows included.

    Args:
        path: import path, ``module:name``.
        chosen: values of the options that choose rows, such as ``{"attack": "pgd"}``.
        into: where the values go.
        panel: the panel of all; by default that of each field's class.
        prefix: prefix of all names.
        of: the row that they belong to.
        hidden: fields that are left out.

    Raises:
        UnknownNameError: for a chosen row that is not in its table.

    Example:
        >>> attack = options_of("pyrosnn.attacks.pgd:PGD")
        >>> next(one.default for one in attack if one.name == "steps")
        '100'
    """
    options = []
    fields = [one for one in declared(path) if one.name not in hidden]
    for field in fields:
        name = _joined(prefix, field.name)
        where = (*into, field.name)
        at = panel or field.panel
        row, terms = field.kind.mark(OptionsOf), field.kind.mark(TermsOf)
        if row is not None:
            choice = _joined(prefix, row.field)
            default = next((one.default for one in fields if one.name == row.field), "")
            options += _of_row(row, (chosen or {}).get(choice, default), chosen, where, at)
        elif terms is not None:
            options += _of_terms(terms, chosen, where, at)
        else:
            named = field.kind.mark(Named)
            options.append(
                Option(
                    name=name if named is None else _joined(prefix, named.name),
                    also=() if named is None else (name,),
                    path=where,
                    kind=field.kind,
                    default=default_of(field),
                    help=summary(field.help),
                    panel=at,
                    of=of,
                )
            )
    return options


def _of_row(
    row: OptionsOf, name: Any, chosen: Mapping[str, Any] | None, into: tuple[str, ...], panel: str
) -> list[Option]:
    own = row.own and isinstance(name, str) and REFERENCE.fullmatch(name)
    if not own and (not isinstance(name, str) or name not in row.table):
        names = [*row.table, *(OWN_FUNCTION if row.own else ())]
        raise unknown_name(row.field, str(name), names)
    return options_of(
        row.own if own else row.table[name],
        chosen,
        into=into,
        panel=panel,
        prefix=row.prefix,
        of=str(name),
        hidden=row.hidden,
    )


def _of_terms(
    terms: TermsOf, chosen: Mapping[str, Any] | None, into: tuple[str, ...], panel: str
) -> Iterator[Option]:
    yield Option(
        name=terms.name,
        path=into,
        kind=Kind(str, many=True, marks=(OneOf(terms.table),)),
        help=f"{terms.name.capitalize()}s, separated by commas.",
        panel=panel,
        terms=True,
    )
    names = (chosen or {}).get(terms.name, ())
    names = [name.strip() for name in names.split(",")] if isinstance(names, str) else names
    if not isinstance(names, list | tuple):
        raise ArgumentError(f"{terms.name} must be a list of names, got {names!r}")
    for name in map(str, names):
        if name not in terms.table:
            raise unknown_name(terms.name, name, terms.table)
        path = (*into, name)
        yield from options_of(terms.table[name], chosen, into=path, panel=panel, prefix=name)


def rows_with(
    path: str, name: str, chosen: Mapping[str, Any] | None = None
) -> Iterator[tuple[str, str]]:
    """Yield the choices that would bring an option: the option that chooses, and the row.

    Args:
        path: import path of the settings.
        name: name of the option.
        chosen: what is chosen already.

    Example:
        >>> list(rows_with("pyrosnn_studies.grid:GridSpec", "directions"))
        [('attack', 'spsa')]
    """
    for field in declared(path):
        row, terms = field.kind.mark(OptionsOf), field.kind.mark(TermsOf)
        choice = row.field if row is not None else terms.name if terms is not None else ""
        for other in (row or terms).table if choice else ():
            value = [other] if terms is not None else other
            options = options_of(path, {**(chosen or {}), choice: value})
            if any(option.name == name for option in options):
                yield choice, other


def choices_with(
    path: str, name: str, chosen: Mapping[str, Any] | None = None
) -> list[tuple[str, str]]:
    """Return the one or two choices that bring an option; none if there are no such.

    Args:
        path: import path of the settings.
        name: name of the option.
        chosen: what is chosen already.

    Example:
        >>> choices_with("pyrosnn.training.spec:TrainingSpec", "attack_directions")
        [('images', 'adversarial'), ('attack', 'spsa')]
    """
    for choice in rows_with(path, name, chosen):
        return [choice]
    for field in declared(path):
        row = field.kind.mark(OptionsOf)
        if row is not None:
            for other in row.table:
                first = {**(chosen or {}), row.field: other}
                second = _within_row(path, name, first)
                if second is not None:
                    return [(row.field, other), second]
    return []


def _within_row(path: str, name: str, chosen: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the choice among a row's own options that brings an option."""
    for option in options_of(path, chosen):
        names = option.kind.mark(OneOf)
        for other in names.table if names is not None and not option.kind.many else ():
            there = options_of(path, {**chosen, option.name: other})
            if any(one.name == name for one in there):
                return option.name, other
    return None


def _joined(prefix: str, name: str) -> str:
    return f"{prefix.replace('-', '_')}_{name}" if prefix else name


def default_of(field: Declared) -> str:
    """Return a field's default in words."""
    words = field.kind.mark(Default)
    if words is not None:
        return str(words.text)
    return "" if field.default is MISSING else shown(field.default)


def nested(options: Sequence[Option], values: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Return settings as a class takes them, from values by the names of their options.

    Args:
        options: the options.
        values: values by name.
        what: what they are settings of, for errors.

    Raises:
        UnknownNameError: ``unknown setting of study sample-size 'repeat'; did you mean …``.
    """
    by_name = {option.name: option for option in options}
    other_names = {name: option for option in options for name in option.also}
    settings: dict[str, Any] = {}
    for name, value in values.items():
        if name not in by_name and name not in other_names:
            raise unknown_name(f"setting of {what}", name, by_name)
        option = by_name.get(name) or other_names[name]
        place = settings
        for key in option.path[:-1]:
            place = place.setdefault(key, {})
        if option.terms:
            if not isinstance(value, list | tuple):
                raise ArgumentError(f"{name} must be a list of names, got {value!r}")
            for term in value:
                place.setdefault(option.path[-1], {}).setdefault(term, {})
        else:
            place[option.path[-1]] = value
    return settings
