"""Cells that are counted as they run."""

from collections.abc import Iterator, Sequence

from pyrosnn_studies.cells import Cell
from pyrosnn_studies.runner import Task, in_order
from pyrosnn_studies.store import Finished


class Counting:
    """Runs cells in order and notes them; stops after so many, as a killed process does."""

    def __init__(self, stop: int | None = None):
        self.ran: list[Cell] = []
        self.stop = stop

    def __call__(self, task: Task, cells: Sequence[Cell]) -> Iterator[Finished]:
        for finished in in_order(task, cells):
            if len(self.ran) == self.stop:
                raise KeyboardInterrupt
            self.ran.append(finished.cell)
            yield finished
