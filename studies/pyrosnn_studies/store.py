"""Finished cells of a study that is under way: a folder beside its output, a file for each."""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

import xarray as xr
from safetensors import SafetensorError

from pyrosnn.errors import FileError
from pyrosnn.files import atomic_path, read_whole
from pyrosnn_studies.cells import Cell
from pyrosnn_studies.packing import pack, unpack

SUFFIX = ".cell"


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

    A file is a SHA-256 and, after it, a safetensors image: netCDF takes a tenth of a second to
    write so small a file, half the time of many a cell.

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
        """Return a cell, or None if it is not there or its file is damaged."""
        try:
            content = read_whole(self._path(cell), "cell")
        except FileError:
            return None
        digest, image = content[:32], content[32:]
        if hashlib.sha256(image).digest() != digest:
            return None
        try:
            values, seconds = unpack(image)
        except (SafetensorError, KeyError, ValueError, TypeError, RecursionError):
            return None
        return Finished(cell=cell, values=values, seconds=seconds)

    def save(self, finished: Finished) -> None:
        """Write a cell.

        Raises:
            FileError: when the disk refuses.
        """
        image = pack(finished.values, finished.seconds)
        with atomic_path(self._path(finished.cell), overwrite=True) as temporary:
            temporary.write_bytes(hashlib.sha256(image).digest() + image)

    def remove(self) -> None:
        """Remove the folder: the result is written."""
        shutil.rmtree(self.folder)

    def _path(self, cell: Cell) -> Path:
        return self.folder / f"{cell.name}{SUFFIX}"
