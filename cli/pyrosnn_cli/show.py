"""Showing what a command found: tables on the screen, or in a format for elsewhere."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.table import Table as RichTable

from pyrosnn.errors import FileError, require
from pyrosnn.tables import Document, Table, written
from pyrosnn_cli.options import TEXT, Rendering

LEAST, MOST = 20, 72  # characters of a column of words
FRAME = 3  # characters around a column
UNBOUNDED = 10_000
INTERVAL = re.compile(r"^(\S+) (\[.+\])$")  # a number with its interval


@contextmanager
def whole(file: Path) -> Iterator[None]:
    """Say which setting or variable a result lacks that its study would have written.

    Args:
        file: where the result came from.

    Raises:
        FileError: in the place of a KeyError.
    """
    try:
        yield
    except KeyError as error:
        raise FileError(
            f"{file} has no {error}, which its study writes; it was changed, or made by another "
            "program: run the study again"
        ) from error


def show(document: Document, rendering: Rendering) -> None:
    """Print a document on stdout, in the format that was asked for.

    Args:
        document: what to show.
        rendering: the format, and which table.

    Raises:
        ArgumentError: for the number of a table that is not there.
    """
    number, tables = rendering.table, document.tables
    if number is not None:
        require(
            number <= len(tables),
            f"--table must be at most {len(tables)}, got {number}; the tables are "
            + "; ".join(f"{i}: {t.title.splitlines()[0]}" for i, t in enumerate(tables, start=1)),
        )
        tables = [tables[number - 1]]
    if rendering.format != TEXT:
        shown = Document(heading=document.heading, tables=tables, closing=document.closing)
        typer.echo(written(shown, rendering.format), nl=False)
        return
    for line in document.heading:
        typer.echo(line)
    if document.heading:
        typer.echo()
    show_tables(tables)
    for line in document.closing:
        typer.echo(line)


def show_tables(tables: Sequence[Table]) -> None:
    """Print tables on stdout; words but those of the first column stand to the left."""
    console = Console()
    for table in tables:
        console.print(table.title, soft_wrap=not console.is_terminal)
        words = [index for index, _ in enumerate(table.columns) if table.has_words(index)]
        longest = max(words, key=lambda index: _longest(table, index), default=0)
        left = [index for index in words if index > 0]
        print_table(table.columns, table.texts, words=longest, left=left)
        for note in table.notes:
            console.print(note, soft_wrap=not console.is_terminal)
        if table.notes:
            console.print()


def _longest(table: Table, column: int) -> int:
    return max((cell_len(row[column]) for row in table.texts), default=0)


def print_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, words: int, left: Sequence[int] = ()
) -> None:
    """Print a table on stdout, as wide as it needs; in a terminal no wider than that.

    What is too wide for a terminal has its headers and its column of words folded, then intervals
    put below their numbers, and if that is not enough, is printed in parts, each with the first
    column. Numbers are neither folded nor cut.

    Args:
        header: names of the columns.
        rows: cells.
        words: which column may be folded.
        left: which columns are left-aligned.
    """
    console = Console()
    room = console.width if console.is_terminal else UNBOUNDED
    columns = list(zip(header, *rows, strict=True))
    least = [_least(column, words=index == words) for index, column in enumerate(columns)]
    if _total(least) > room:
        rows = [[INTERVAL.sub(r"\1\n\2", cell) for cell in row] for row in rows]
        columns = list(zip(header, *rows, strict=True))
        least = [_least(column, words=index == words) for index, column in enumerate(columns)]
    for part in _parts(least, room):
        narrow = {index: least[index] for index in part}
        widths = _widths(columns, narrow, words, room)
        table = RichTable(box=SIMPLE_HEAD, width=_total(widths.values()))
        for index, width in widths.items():
            justify: JustifyMethod = "left" if index in left else "right"
            table.add_column(header[index], justify=justify, width=width, overflow="fold")
        for row in rows:
            table.add_row(*[row[index] for index in part])
        console.print(table, crop=False)


def _least(column: Sequence[str], *, words: bool) -> int:
    """Return how narrow a column can be: no number and no word of a header is broken."""
    name, *cells = column
    if words:
        return min(LEAST, max(map(cell_len, column)))
    return max(map(_width, [*name.split(), *cells]))


def _width(cell: str) -> int:
    """Return the width of a cell's longest line."""
    return max(map(cell_len, cell.splitlines()), default=0)


def _total(widths: Iterable[int]) -> int:
    """Return the width of a table with its frame."""
    return 1 + sum(width + FRAME for width in widths)


def _parts(least: list[int], room: int) -> list[list[int]]:
    """Return the columns of each part of a table: all that fit, beside the first."""
    parts = [[0]]
    for index in range(1, len(least)):
        fits = _total(least[i] for i in [*parts[-1], index]) <= room
        if not fits and len(parts[-1]) > 1:
            parts.append([0])
        parts[-1].append(index)
    return parts


def _widths(
    columns: list[tuple[str, ...]], least: dict[int, int], words: int, room: int
) -> dict[int, int]:
    """Return the columns' widths: all that they ask for, or the least and words what is left."""
    asked = {index: max(map(_width, columns[index])) for index in least}
    if words in asked:
        asked[words] = min(asked[words], MOST)
    if _total(asked.values()) <= room:
        return asked
    widths = dict(least)
    if words in widths:
        spare = max(0, room - _total(least.values()))
        widths[words] = min(asked[words], widths[words] + spare)
    return widths


def smoothing(settings: Mapping[str, Any]) -> str:
    """Return which noise a model was averaged over, as the end of a line; empty for none."""
    variance = settings.get("smoothing_variance")
    return f", averaged over noise of variance {variance:g}" if variance else ""
