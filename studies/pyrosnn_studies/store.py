"""Finished cells of a study that is under way: a folder beside its output, a file for each."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from pyrosnn.errors import FileError
from pyrosnn.storage import read_whole, write_whole
from pyrosnn.storage.kinds import CELL
from pyrosnn_studies.cells import Cell
from pyrosnn_studies.packing import pack, unpack

SUFFIX = ".cell"


def cells_folder(output: Path) -> Path:
    """Return where the finished cells of a study are kept until its output is written.

    Args:
        output: the output.

    Example:
        >>> cells_folder(Path("results/sample-size.nc")).name
        'sample-size.nc.cells'
    """
    return output.with_name(f"{output.name}.cells")


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A cell that is done.

    Attributes:
        cell: the cell.
        values: what it gave.
        seconds: what it took.
    """

    cell: Cell
    values: xr.Dataset
    seconds: float


class CellStore:
    """Keeps finished cells, each written whole or not at all.

    They are bundles, not results: netCDF takes a tenth of a second to write so small a file, half
    the time of many a cell.

    Args:
        folder: an existing folder.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    @property
    def num_cells(self) -> int:
        """Number of files of cells, damaged ones included."""
        return len(list(self.folder.glob(f"*{SUFFIX}")))

    def load(self, cell: Cell) -> Finished | None:
        """Return a cell, or None if it is not there, damaged, or of an older pyrosnn."""
        try:
            values, seconds = unpack(read_whole(self._path(cell), CELL))
        except (FileError, ValueError):
            return None
        return Finished(cell=cell, values=values, seconds=seconds)

    def save(self, finished: Finished) -> None:
        """Write a cell.

        Raises:
            FileError: when the disk refuses.
        """
        content = pack(finished.values, finished.seconds)
        write_whole(self._path(finished.cell), content, overwrite=True)

    def remove(self) -> None:
        """Remove the folder: the result is written.

        Cells go first: a folder without its manifest is not known to be of a run, and stays.
        """
        for path in self.folder.glob(f"*{SUFFIX}"):
            path.unlink()
        shutil.rmtree(self.folder)

    def _path(self, cell: Cell) -> Path:
        return self.folder / f"{cell.name}{SUFFIX}"
