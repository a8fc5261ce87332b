"""Tables as JSON: an object for each row, numbers in full precision."""

import json
import math
from numbers import Integral
from typing import Any

from pyrosnn.tables.table import Cell, Document, Number, Table, require_document


def as_json(document: Document) -> str:
    """Return a document as one JSON object.

    A number with an interval or a standard deviation is an object with ``value``, ``low`` and
    ``high``, or ``sd``. What is not defined, or infinite, is null: JSON has neither.

    Args:
        document: what to write.

    Example:
        >>> row = ["bnn", Number(value=70.5, low=63.5, high=76.25)]
        >>> table = Table(title="Accuracy", columns=["model", "clean"], rows=[row])
        >>> made = json.loads(as_json(Document(tables=[table])))
        >>> made["tables"][0]["rows"]
        [{'model': 'bnn', 'clean': {'value': 70.5, 'low': 63.5, 'high': 76.25}}]
    """
    require_document(document)
    content = {
        "heading": list(document.heading),
        "tables": [_table(table) for table in document.tables],
        "closing": list(document.closing),
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _table(table: Table) -> dict[str, Any]:
    return {
        "title": table.title,
        "columns": list(table.columns),
        "rows": [dict(zip(table.columns, map(_cell, row), strict=True)) for row in table.rows],
        "notes": list(table.notes),
    }


def _cell(cell: Cell) -> Any:
    if not isinstance(cell, Number):
        return cell
    value = _finite(cell.value)
    if cell.has_interval:
        return {"value": value, "low": _finite(cell.low), "high": _finite(cell.high)}
    return {"value": value, "sd": _finite(cell.sd)} if cell.has_sd else value


def _finite(value: Any) -> float | int | None:
    if not math.isfinite(value):
        return None
    return int(value) if isinstance(value, Integral) else float(value)  # JSON knows no numpy
