"""A study as a list of cells: what is computed, kept and repeated as one piece."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A piece of a study that depends on no other piece.

    Its values are a small result: arrays with coordinates, which say where in the whole they are.

    Attributes:
        part: what is computed, a word of the study's own.
        repeat: repetition with fresh sample sets; None where the values are not of a repeat.
        block: block of images (or of whatever the study counts).
        group: group of the result that the values belong to; by default that of ``part``.
    """

    part: str
    repeat: int | None = None
    block: int = 0
    group: str = ""

    def __post_init__(self) -> None:
        """Name the group."""
        object.__setattr__(self, "group", self.group or self.part)

    @property
    def name(self) -> str:
        """A name that no other cell of the study has, fit for a file.

        Example:
            >>> Cell(part="evaluation", repeat=2, block=13).name
            'evaluation-2-13'
        """
        return f"{self.part}-{self.repeat or 0}-{self.block}"


def alike(spec: Any, cell: Cell) -> float:
    """Return the cost of a cell of a study whose cells take the same time: 1."""
    return 1.0
