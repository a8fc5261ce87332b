"""What keeping costs: cells of a study, and states of a training, as shares of the work kept."""

import time
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from benchmarks.bench_training import images

from pyrosnn.data import load_dataset
from pyrosnn.training import TrainingState, preset, save_state, train
from pyrosnn.training.keeping import StateWriter
from pyrosnn_studies.cells import Cell
from pyrosnn_studies.runner import Task
from pyrosnn_studies.store import CellStore
from pyrosnn_studies.study import find_study
from pyrosnn_studies.subject import Subject

MOST = 0.05


def bench_cells(benchmark: Any, tmp_path: Path) -> None:
    """Each cell is run and kept in turn, so that both times are of the same moments."""
    study, digits = find_study("sample-size"), load_dataset("digits")
    training = preset("bnn", epochs=2)
    subject = Subject(classifier=train(training, digits), dataset=digits, training=training)
    spec = study.make_spec("quick", digits, training, repeats=2)
    task = Task(run_cell=study.run_cell, spec=spec, subject=subject)
    store = CellStore(tmp_path)
    cells: list[Cell] = study.cells(spec)
    task(cells[0])
    runs, saves = [], []

    def run_and_keep() -> None:
        for cell in cells:
            finished = task(cell)
            start = time.perf_counter()
            store.save(finished)
            runs.append(finished.seconds)
            saves.append(time.perf_counter() - start)

    benchmark.group = "keeping"
    benchmark.pedantic(run_and_keep, rounds=1, iterations=1)
    # medians: the disk of another is not our cost
    record(benchmark, "cell of sample-size, quick", median(runs), median(saves))


@pytest.mark.parametrize("which", ["quick", "paper"])
def bench_states(which: str, benchmark: Any, tmp_path: Path) -> None:
    """Time within a training that is spent in keeping it."""
    data = load_dataset("digits") if which == "quick" else images()
    spec = preset("bnn", which, epochs=60 if which == "quick" else 6)
    keeping = [0.0]

    def save(state: TrainingState) -> None:
        save_state(tmp_path / "a.training.safetensors", state, spec, data)

    def run() -> None:
        keeper = StateWriter(save)

        def keep(state: TrainingState) -> None:
            start = time.perf_counter()
            keeper(state)
            keeping[0] += time.perf_counter() - start

        train(spec, data, keep=keep)

    benchmark.group = "keeping"
    benchmark.pedantic(run, rounds=1, iterations=1)
    whole = benchmark.stats.stats.min
    record(benchmark, f"training of the BNN, {which}", whole - keeping[0], keeping[0])


def record(benchmark: Any, way: str, work: float, kept: float) -> None:
    """Note what was worked and kept; fail beyond a twentieth."""
    benchmark.extra_info.update(way=way, work=work, kept=kept)
    assert kept < MOST * work, f"{way}: {kept / work:.1%}"
