"""Errors a user can cause: the value given, what was expected, and the next step."""

import difflib
import importlib
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

Row = TypeVar("Row")


class PyrosnnError(Exception):
    """Base of every error that pyrosnn raises on purpose; its text is one line for the user."""


class ArgumentError(PyrosnnError, ValueError):
    """A value that is outside of what is accepted: a negative strength, no samples, NaN pixels."""


class UnknownNameError(ArgumentError):
    """A name that is not in its table: a model, data set, attack, loss, preset or study."""


class OverlapError(ArgumentError):
    """Two sample sets that share samples where independent ones are needed."""


class NotStochasticError(ArgumentError):
    """A classifier whose outputs are the same in all samples."""


class DataError(PyrosnnError):
    """A data set that is missing, damaged, or not the one that a checkpoint was trained on."""


class MergeError(ArgumentError):
    """Results that are no parts of one: another study, model or setting, or values that clash."""


class FileError(PyrosnnError):
    """A file that cannot be read or written: corrupt, foreign, existing, or in a wrong place."""


class ClusterError(PyrosnnError):
    """A Dask cluster that cannot be reached, has other versions, or loses worker after worker."""


class FigureError(PyrosnnError):
    """A figure that matplotlib cannot draw."""


class PyrosnnWarning(UserWarning):
    """What a user should know, and what hinders nothing; its text is one line."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """Return the error for ``name``, with the nearest known name as a suggestion.

    Example:
        >>> print(unknown_name("model", "bnnn", ["bnn", "im", "sin"]))
        unknown model 'bnnn'; did you mean 'bnn'? (bnn, im, sin)
        >>> print(unknown_name("loss", "CE", ["cross-entropy", "margin", "cw"]))
        unknown loss 'CE'; did you mean 'cross-entropy'? (cross-entropy, margin, cw)
    """
    names = list(known)
    near = _by_initials(name, names) or _by_letters(name, names)
    hint = f"; did you mean '{near}'?" if near else "; choose one of"
    return UnknownNameError(f"unknown {kind} '{name}'{hint} ({', '.join(names)})")


def _by_initials(name: str, known: list[str]) -> str | None:
    """Return what a name abbreviates: ``ce`` is cross-entropy, though its letters are near cw."""
    words = {candidate: re.split("[-_]", candidate.lower()) for candidate in known}
    abbreviated = [
        candidate
        for candidate, parts in words.items()
        if len(parts) > 1 and "".join(part[:1] for part in parts) == name.lower()
    ]
    return abbreviated[0] if abbreviated else None


def _by_letters(name: str, known: list[str]) -> str | None:
    """Return the name with the most letters in common, in any case, if that is half of them."""
    lower = {candidate.lower(): candidate for candidate in known}
    nearest = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.5)
    return lower[nearest[0]] if nearest else None


def resolve(table: Mapping[str, str], name: str, kind: str) -> Any:
    """Import the entry ``name`` of a plain table ``{name: "module:attribute"}``.

    The tables hold import paths so that reading the names, as ``--help`` does, loads nothing.

    Args:
        table: names and import paths.
        name: the name that the user gave.
        kind: what the table holds, for the error.

    Raises:
        UnknownNameError: ``unknown <kind> '<name>'; did you mean …``.
    """
    module, _, attribute = row_of(table, name, kind).partition(":")
    return getattr(importlib.import_module(module), attribute)


def row_of(table: Mapping[str, Row], name: Any, kind: str) -> Row:
    """Return the row of a table by its name.

    Raises:
        UnknownNameError: ``unknown <kind> '<name>'; did you mean …``.
    """
    if not isinstance(name, str) or name not in table:
        raise unknown_name(kind, str(name), table)
    return table[name]


def require(condition: bool, message: str) -> None:
    """Raise :class:`ArgumentError` with ``message`` unless ``condition`` holds."""
    if not condition:
        raise ArgumentError(message)


# Longer texts come from damaged files, and would fill the terminal.
_LINE = 240


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, printable, or its type where it has none.

    Example:
        >>> first_line(ValueError("no such file")), first_line(EOFError())
        ('no such file', 'EOFError')
    """
    lines = str(error).splitlines()
    if not lines or not lines[0].strip():
        return type(error).__name__
    return "".join(letter if letter.isprintable() else "?" for letter in lines[0][:_LINE])
