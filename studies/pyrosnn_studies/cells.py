"""A study as a list of cells: what is computed, kept and repeated as one piece."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import xarray as xr


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A piece of a study that depends on no other piece.

    Attributes:
        part: what is computed, a word of the study's own.
        repeat: repetition with fresh sample sets.
        block: block of images (or of whatever the study counts).
    """

    part: str
    repeat: int = 0
    block: int = 0

    @property
    def name(self) -> str:
        """A name that no other cell of the study has, fit for a file.

        Example:
            >>> Cell(part="evaluation", repeat=2, block=13).name
            'evaluation-2-13'
        """
        return f"{self.part}-{self.repeat}-{self.block}"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a study is cut into cells and put together again.

    All are plain functions of a module, so that they travel to other processes by name.

    Attributes:
        cells: the cells of a spec, in the order in which one process runs them.
        run_cell: values of one cell from the spec, the cell, and the
            :class:`~pyrosnn_studies.runner.Material` (None for a study that needs none); it
            depends on nothing else.
        join: the result's arrays by group, the main one first, from the values of all cells.
        settings: the spec as plain values, for the result.
    """

    cells: Callable[[Any], list[Cell]]
    run_cell: Callable[[Any, Cell, Any], xr.Dataset]
    join: Callable[[Any, Mapping[Cell, xr.Dataset]], dict[str, xr.Dataset]]
    settings: Callable[[Any], dict[str, Any]] = asdict


def image_blocks(images: int, block_size: int, first_image: int = 0) -> range:
    """Return the counters of the blocks that hold the images.

    Args:
        images: how many images there are.
        block_size: images in a block.
        first_image: index of the first of them, a multiple of ``block_size``.

    Example:
        >>> image_blocks(120, 50), image_blocks(100, 50, first_image=100)
        (range(0, 3), range(2, 4))
    """
    first = first_image // block_size
    return range(first, first - (-images // block_size))


def images_of(block: int, stop: int, block_size: int) -> slice:
    """Return which images of the test split a block holds.

    Args:
        block: counter of the block.
        stop: index after the last image of the study.
        block_size: images in a block.

    Example:
        >>> images_of(2, 120, 50)
        slice(100, 120, None)
    """
    return slice(block * block_size, min((block + 1) * block_size, stop))
