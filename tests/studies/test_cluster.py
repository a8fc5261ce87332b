"""Dask: the same result as one process, though workers die, and without idle workers."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from distributed import Client, LocalCluster
from support.studies import smallest
from support.workers import quick_workers

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, ClusterError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.results import GROUP, result_digest
from pyrosnn.sampling import draw_sample_set
from pyrosnn_studies import cluster as cluster_module
from pyrosnn_studies.cells import Cell
from pyrosnn_studies.cluster import Carrier, local_cluster, remote_cluster
from pyrosnn_studies.runner import Compute, Task
from pyrosnn_studies.study import Study


@pytest.fixture(scope="module")
def two_workers() -> Iterator[Compute]:
    with quick_workers(), local_cluster(2) as compute:
        yield compute


@dataclass(frozen=True)
class Notes:
    """A spec of cells that note where and when they ran.

    Attributes:
        folder: where the notes go.
        seconds: what each cell takes.
        deaths: cell 0 kills its worker so many times.
        seed: makes it a spec.
    """

    folder: str
    seconds: tuple[float, ...]
    deaths: int = 0
    seed: int = 0


def note_cells(spec: Notes) -> list[Cell]:
    return [Cell(part="note", block=i, group="angles") for i in range(len(spec.seconds))]


def run_note(spec: Notes, cell: Cell, subject: None) -> xr.Dataset:
    start = time.time()
    died = Path(spec.folder) / "died"
    if cell.block == 0 and spec.deaths > (len(died.read_text()) if died.exists() else 0):
        with died.open("a") as file:
            file.write("x")
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(spec.seconds[cell.block])
    values = [[os.getpid(), torch.get_num_threads(), start, time.time()]]
    return xr.Dataset({"angle": (("cell", "what"), np.array(values))}, {"cell": [cell.block]})


def not_shown(result: xr.DataTree) -> Any:
    raise NotImplementedError


NOTES = Study(
    name="notes",
    spec=Notes,
    cells=note_cells,
    run_cell=run_note,
    tables=not_shown,
    figure=not_shown,
)


def notes(compute: Compute, spec: Notes) -> np.ndarray:
    """Return process, threads, start and end of each cell."""
    result = NOTES.run(spec, compute=compute)
    found: np.ndarray = result["angles"].dataset["angle"].values
    return found


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.parametrize(
    "name", ["inference-size", "prediction-variance", "ablation", "gaussian-angles"]
)
def test_two_workers_give_the_same_result(
    name: str, two_workers: Compute, bnn: StochasticClassifier, digits: Dataset
) -> None:
    study, spec, subject = smallest(name, bnn, digits)
    alone = study.run(spec, subject)
    shared = study.run(spec, subject, compute=two_workers)
    assert result_digest(shared) == result_digest(alone)


@pytest.mark.slow
@pytest.mark.processes
def test_another_number_of_threads_agrees_to_float32(
    two_workers: Compute, bnn: StochasticClassifier, digits: Dataset
) -> None:
    """The workers take the number of threads from here; samples are the same, sums are not."""
    study, spec, subject = smallest("sample-size", bnn, digits)
    one = study.run(spec, subject)
    samples = draw_sample_set(bnn, digits.x_test[:12], 50, seed=0, stream="attack").stored
    torch.set_num_threads(2)
    try:
        same = draw_sample_set(bnn, digits.x_test[:12], 50, seed=0, stream="attack").stored
        shared = study.run(spec, subject, compute=two_workers)
        alone = study.run(spec, subject)
    finally:
        torch.set_num_threads(1)
    assert samples is not None
    assert same is not None
    assert all(torch.equal(samples[name], same[name]) for name in samples)
    assert result_digest(shared) == result_digest(alone) != result_digest(one)
    for name in ("cosine", "margin", "gradient_norm"):
        expected = one[GROUP].dataset[name]
        xr.testing.assert_allclose(shared[GROUP].dataset[name], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
@pytest.mark.processes
def test_no_worker_idles_while_cells_wait(two_workers: Compute, tmp_path: Path) -> None:
    """One cell is as long as eight others: its worker does it alone, the other does the rest."""
    spec = Notes(folder=str(tmp_path), seconds=(1.6, *[0.2] * 8))
    found = notes(two_workers, spec)
    processes = set(found[:, 0])
    assert len(processes) == 2
    assert os.getpid() not in processes
    assert set(found[:, 1]) == {torch.get_num_threads()}
    busy = (found[:, 3] - found[:, 2]).sum()
    span = found[:, 3].max() - found[:, 2].min()
    assert busy / (2 * span) > 0.8
    for process in processes:  # one at a time
        mine = found[found[:, 0] == process]
        mine = mine[np.argsort(mine[:, 2])]
        assert (mine[1:, 2] >= mine[:-1, 3]).all()


@pytest.mark.slow
@pytest.mark.processes
def test_workers_that_are_killed_are_survived(
    two_workers: Compute, bnn: StochasticClassifier, digits: Dataset, tmp_path: Path
) -> None:
    """Twice within one study: their cells run again, on workers that get model and data anew."""
    study, spec, subject = smallest("sample-size", bnn, digits)
    spec = replace(spec, images=60)
    alone = study.run(spec, subject)
    victims = [int(process) for process in {*notes(two_workers, slow(tmp_path))[:, 0]}]
    killed = []

    def kill(step: Any) -> None:
        if step.done in (4, 12) and victims:
            os.kill(victims.pop(), signal.SIGKILL)
            killed.append(step.done)

    shared = study.run(spec, subject, compute=two_workers, progress=kill)
    assert killed == [4, 12]
    assert result_digest(shared) == result_digest(alone)


def slow(folder: Path) -> Notes:
    return Notes(folder=str(folder), seconds=(0.2,) * 6)


@pytest.mark.slow
@pytest.mark.processes
def test_a_cell_that_kills_every_worker_is_named(two_workers: Compute, tmp_path: Path) -> None:
    spec = Notes(folder=str(tmp_path), seconds=(0.0, 0.0), deaths=100)
    with pytest.raises(ClusterError, match=r"cell note-0-0 was lost with 4 workers.*lower --mem"):
        notes(two_workers, spec)


@pytest.mark.slow
@pytest.mark.processes
def test_an_error_in_a_cell_is_the_users(
    two_workers: Compute, bnn: StochasticClassifier, digits: Dataset
) -> None:
    study, spec, subject = smallest("prediction-variance", bnn, digits)
    with pytest.raises(ArgumentError, match="digits has 500 test images, and none at index 500"):
        study.run(replace(spec, images=501), subject, compute=two_workers)


@pytest.mark.slow
def test_the_task_goes_to_each_worker_once(
    bnn: StochasticClassifier, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In threads of this process, where the arrivals can be counted; one comes late."""
    arrived: list[str] = []
    plain = Carrier.setup

    def setup(self: Carrier, worker: Any) -> None:
        arrived.append(worker.address)
        plain(self, worker)

    monkeypatch.setattr(Carrier, "setup", setup)
    study, spec, subject = smallest("sample-size", bnn, digits)
    with (
        LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0"
        ) as cluster,
        remote_cluster(cluster.scheduler_address) as compute,
    ):

        def grow(step: Any) -> None:
            if step.done == 1:
                cluster.scale(2)

        found = study.run(spec, subject, compute=compute, progress=grow)
        while len(cluster.scheduler_info["workers"]) < 2:
            time.sleep(0.05)
        with Client(cluster) as client:
            left = client.run(lambda dask_worker: [n for n in dask_worker.plugins if len(n) == 32])
    alone = study.run(spec, subject)
    assert result_digest(found) == result_digest(alone)
    assert len(arrived) == len(set(arrived)) >= 1
    assert list(left.values()) == [[], []]  # nothing stays with the workers


def test_what_travels_is_the_test_split(bnn: StochasticClassifier, digits: Dataset) -> None:
    study, spec, subject = smallest("sample-size", bnn, digits)
    carrier = Carrier(Task(run_cell=study.run_cell, spec=spec, subject=subject))
    travels: Any = carrier.task.subject
    assert len(travels.dataset.x_train) == 0
    assert torch.equal(travels.dataset.x_test, digits.x_test)
    assert travels.dataset.x_train.untyped_storage().nbytes() == 0


def test_cells_of_one_process_take_turns(bnn: StochasticClassifier, digits: Dataset) -> None:
    """Torch's random state and Pyro's handlers are one for all threads of a process."""
    running, most = 0, 0

    def run_cell(spec: Any, cell: Cell, subject: Any) -> xr.Dataset:
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.02)
        running -= 1
        return xr.Dataset()

    task = Task(run_cell=run_cell, spec=None, subject=None)
    carriers = [Carrier(task), Carrier(task)] * 2  # of two studies
    threads = [threading.Thread(target=c.run, args=(Cell(part="a"),)) for c in carriers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_other_versions_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    carrier = Carrier(Task(run_cell=run_note, spec=None, subject=None))
    carrier.versions["torch"] = "99.0"

    class Worker:
        address = "tcp://a:1"

    with pytest.raises(ClusterError, match=r"worker tcp://a:1 has torch \S+, here is 99\.0; inst"):
        carrier.setup(Worker())  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_scheduler_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "CONNECTING", 1)
    with (
        pytest.raises(ClusterError, match=r"cannot reach a Dask scheduler at tcp://127\.0\.0\.1:9"),
        remote_cluster("tcp://127.0.0.1:9"),
    ):
        pass
