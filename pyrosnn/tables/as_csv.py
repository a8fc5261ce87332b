"""Tables as comma-separated values, with full precision: a column for each end of an interval."""

import csv
import io
import math

from pyrosnn.tables.table import Cell, Document, Number, Table, require_document

PARTS = ("low", "high", "sd")


def as_csv(document: Document) -> str:
    """Return a document's tables as CSV.

    One table is a CSV file as it is. Several have their titles above them, after ``# ``, and an
    empty line between them. What is not defined is empty. Sentences are left out.

    Args:
        document: what to write.

    Example:
        >>> cell = Number(value=70.5, form=".1f", low=63.5, high=76.25)
        >>> table = Table(title="Accuracy in %", columns=["model", "bnn"], rows=[["fgm", cell]])
        >>> print(as_csv(Document(tables=[table])), end="")
        model,bnn,bnn low,bnn high
        fgm,70.5,63.5,76.25
    """
    require_document(document)
    if len(document.tables) == 1:
        return _rows(document.tables[0])
    return "\n".join(f"# {_line(table.title)}\n{_rows(table)}" for table in document.tables)


def _line(text: str) -> str:
    return " ".join(text.split())


def _rows(table: Table) -> str:
    parts = [
        [part for part in PARTS if _has(table.numbers(index), part)]
        for index, _ in enumerate(table.columns)
    ]
    header = [
        name
        for column, own in zip(table.columns, parts, strict=True)
        for name in (column, *[f"{column} {part}".strip() for part in own])
    ]
    lines = [
        [
            text
            for cell, own in zip(row, parts, strict=True)
            for text in (_value(cell), *[_part(cell, part) for part in own])
        ]
        for row in table.rows
    ]
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([header, *lines])
    return buffer.getvalue()


def _has(numbers: list[Number], part: str) -> bool:
    return any(not math.isnan(getattr(number, part)) for number in numbers)


def _value(cell: Cell) -> str:
    return _number(cell.value) if isinstance(cell, Number) else cell


def _part(cell: Cell, part: str) -> str:
    return _number(getattr(cell, part)) if isinstance(cell, Number) else ""


def _number(value: float | int) -> str:
    return "" if math.isnan(value) else str(value)
