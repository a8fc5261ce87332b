"""How a result is shown, by its study: tables and a figure, without torch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import xarray as xr
from matplotlib.figure import Figure

from pyrosnn.errors import FileError, resolve
from pyrosnn.tables import Table
from pyrosnn_studies import STUDIES


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What is shown of the results of a study.

    Attributes:
        name: name of the study in ``STUDIES``.
        tables: the tables.
        figure: the figure.
    """

    name: str
    tables: Callable[[xr.DataTree], list[Table]]
    figure: Callable[[xr.DataTree], Figure]


def shown_of(result: xr.DataTree) -> Shown:
    """Return how a result is shown, by the study that it belongs to.

    Raises:
        FileError: if the result names no study that this pyrosnn has.
    """
    name = str(result.attrs.get("study"))
    if name not in STUDIES:
        raise FileError(
            f"the result belongs to study '{name}'; known are {', '.join(STUDIES)}: a result of "
            "the library is shown as one of these with make_result(values, study='sample-size', …)"
        )
    entry = STUDIES[name]

    def part(path: str, attribute: str) -> Any:
        # an own study in one file may name neither: the study itself has both
        if path:
            return resolve({name: path}, name, "study")
        return getattr(resolve({name: entry.home}, name, "study"), attribute)

    return Shown(
        name=name, tables=part(entry.tables, "tables"), figure=part(entry.figure, "figure")
    )
