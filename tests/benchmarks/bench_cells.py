"""What keeping cells costs: the quick sample-size study with and without, in one run."""

import time
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from pyrosnn.data import load_dataset
from pyrosnn.training import preset, train
from pyrosnn_studies.cells import Cell
from pyrosnn_studies.runner import Material, Task
from pyrosnn_studies.store import CellStore
from pyrosnn_studies.study import find_study

MOST = 0.05  # of the time of the cells themselves


@pytest.mark.benchmark(group="cells")
def bench_keeping_cells(benchmark: Any, tmp_path: Path) -> None:
    """Each cell is run and kept in turn, so that both times are of the same moments."""
    study, digits = find_study("sample-size"), load_dataset("digits")
    training = preset("bnn", epochs=2)
    material = Material(classifier=train(training, digits), dataset=digits, training=training)
    spec = study.make_spec("quick", digits, training, repeats=2)
    task = Task(run_cell=study.plan.run_cell, spec=spec, material=material)
    store = CellStore(tmp_path)
    cells: list[Cell] = study.plan.cells(spec)
    task(cells[0])
    runs, saves = [], []

    def run_and_keep() -> None:
        for cell in cells:
            finished = task(cell)
            start = time.perf_counter()
            store.save(finished)
            runs.append(finished.seconds)
            saves.append(time.perf_counter() - start)

    run_once: Any = benchmark.pedantic  # untyped
    run_once(run_and_keep, rounds=1, iterations=1)
    share = median(saves) / median(runs)  # of medians: the disk of another is not our cost
    benchmark.extra_info["share"] = share
    assert share < MOST
