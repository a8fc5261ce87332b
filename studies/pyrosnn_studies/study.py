"""What every study offers: how its result is shown."""

from collections.abc import Callable
from dataclasses import dataclass

import xarray as xr
from matplotlib.figure import Figure

from pyrosnn.errors import FileError, resolve
from pyrosnn_studies import STUDIES
from pyrosnn_studies.tables import Table


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study's views of its result.

    Attributes:
        tables: the tables that it ends with.
        figure: its figure.
    """

    tables: Callable[[xr.DataTree], list[Table]]
    figure: Callable[[xr.DataTree], Figure]


def find_study(name: str) -> Study:
    """Return a study by its name in ``STUDIES``.

    Raises:
        UnknownNameError: with the nearest name.
    """
    study: Study = resolve({key: entry.home for key, entry in STUDIES.items()}, name, "study")
    return study


def study_of(result: xr.DataTree) -> Study:
    """Return the study that a result belongs to.

    Raises:
        FileError: if the result names no study that this pyrosnn has.
    """
    name = str(result.attrs.get("study"))
    if name not in STUDIES:
        raise FileError(f"the result belongs to study '{name}'; known are {', '.join(STUDIES)}")
    return find_study(name)
