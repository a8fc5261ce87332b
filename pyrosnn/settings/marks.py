"""Marks of a setting in ``Annotated[type, mark, …]``; bounds come from ``annotated_types``."""

import dataclasses
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class OneOf:
    """The value is a name in a table.

    Attributes:
        table: the table, or its names.
        kind: name of its rows in errors, if it is not that of the setting.
        also: regular expressions of other values by how they are written, such as ``FILE.npz``.
        folders: whether a folder that is there is a value, too, whatever its name.
    """

    table: Collection[str] = dataclasses.field(repr=False)
    kind: str = ""
    also: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    folders: bool = False

    def has(self, value: Any) -> bool:
        """Whether a value is a name in the table, or one of the others."""
        if value in self.table or not isinstance(value, str):
            return value in self.table
        written = any(re.fullmatch(pattern, value) for pattern in self.also.values())
        return written or (self.folders and Path(value).is_dir())

    @property
    def known(self) -> list[str]:
        """What a value may be, in words."""
        return [*self.table, *self.also]


@dataclass(frozen=True)
class OptionsOf:
    """The value holds the options of the row that another field names.

    Attributes:
        field: name of that field, such as ``attack``.
        table: the rows by name: classes, functions, or their import paths.
        hidden: fields of a row that are set elsewhere.
        prefix: prefix of the options' names outside of Python, where they are all in one list.
        own: import path of the row that a name of the user's own stands for; empty where the
            field takes none.
    """

    field: str
    table: Mapping[str, Any] = dataclasses.field(repr=False)
    hidden: Collection[str] = ()
    prefix: str = ""
    own: str = ""


@dataclass(frozen=True)
class TermsOf:
    """The value holds the options of several rows by name.

    Attributes:
        name: name of one of them, such as ``regulariser``.
        table: the rows by name.
    """

    name: str
    table: Mapping[str, Any] = dataclasses.field(repr=False)


@dataclass(frozen=True)
class Default:
    """A default that is computed.

    Attributes:
        text: the default in words, for a help text.
    """

    text: str


@dataclass(frozen=True)
class Named:
    """A setting that has another name outside of Python, where its own is read, too.

    Attributes:
        name: the name of the option and of the key in a file.
    """

    name: str


@dataclass(frozen=True)
class Positions:
    """Whole numbers that are places in a sequence: a text may have slices, such as ``20:40``."""


POSITIONS = Positions()


@dataclass(frozen=True)
class Rare:
    """A setting that few change: the last in a help text."""


RARE = Rare()


@dataclass(frozen=True)
class Internal:
    """A field that is no setting of a command or a file."""


INTERNAL = Internal()
