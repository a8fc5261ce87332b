"""Titles of tables that say if other labels or other images than usual are meant."""

from collections.abc import Sequence
from dataclasses import replace

import xarray as xr

from pyrosnn.results import read_spec
from pyrosnn.summaries import deviations
from pyrosnn.tables import Table


def titled(tables: Sequence[Table], result: xr.DataTree) -> list[Table]:
    """Return tables of a result whose titles say which labels and images its settings mean.

    Args:
        tables: the tables.
        result: the result.
    """
    meant = deviations(read_spec(result))
    return [replace(table, title=_with(table.title, meant)) for table in tables]


def _with(title: str, meant: str) -> str:
    """Return a title with more words in its first line."""
    first, *others = title.split("\n")
    return "\n".join([f"{first}{meant}", *others])
