"""Cells on a Dask cluster: of this machine, or one that is already there."""

import logging
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import dask
import torch
from distributed import (
    Client,
    KilledWorker,
    LocalCluster,
    Worker,
    WorkerPlugin,
    as_completed,
    get_worker,
)

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ClusterError
from pyrosnn.training.checkpoints import package_versions
from pyrosnn_studies.allocation import KEEPING
from pyrosnn_studies.cells import Cell
from pyrosnn_studies.runner import Compute, Task
from pyrosnn_studies.store import Finished

# one cell at a time in a process, whatever its workers and studies: torch has one random state and
# one number of threads, and Pyro one stack of handlers
TURN = threading.Lock()

CONNECTING = 30  # seconds that a scheduler may take to answer


@contextmanager
def local_cluster(workers: int) -> Iterator[Compute]:
    """Start worker processes on this machine; give what runs cells on them.

    Each has as many threads as torch has here, and runs one cell at a time. Dask starts those
    again that die, and runs their cells once more. Scripts that call this need the usual
    ``if __name__ == "__main__":``, for workers are processes that are spawned.

    Args:
        workers: how many.
    """
    # no cell waits at one worker while another has none
    settings: dict[str, Any] = {"distributed.scheduler.worker-saturation": 1.0}
    # Dask has workers give back what they free, and the kernel clear it for their next step
    start = "distributed.nanny.pre-spawn-environ"
    settings |= {f"{start}.{name}": value for name, value in KEEPING.items()}
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            memory_limit=0,  # the memory budget bounds it
            dashboard_address="127.0.0.1:0",  # a free port, for this machine alone
            silence_logs=logging.CRITICAL,
            preload=["pyrosnn_studies.worker"],
        ) as cluster,
        Client(cluster) as client,
    ):
        yield _computer(client)


@contextmanager
def remote_cluster(address: str) -> Iterator[Compute]:
    """Connect to a Dask scheduler; give what runs cells on its workers, present and to come.

    Args:
        address: of the scheduler, as ``tcp://host:8786``.

    Raises:
        ClusterError: if it cannot be reached.
    """
    try:
        client = Client(address, timeout=CONNECTING)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"cannot reach a Dask scheduler at {address} ({error}); start one with dask scheduler"
        ) from error
    with client:
        yield _computer(client)


def _computer(client: Client) -> Compute:
    def compute(task: Task, cells: Sequence[Cell]) -> Iterator[Finished]:
        carrier = Carrier(task)
        client.register_plugin(carrier)
        try:
            yield from _results(client, carrier.name, cells)
        finally:
            client.unregister_worker_plugin(carrier.name)

    return compute


def _results(client: Client, name: str, cells: Sequence[Cell]) -> Iterator[Finished]:
    # tuples with one first word are one group for Dask: it holds them back until a worker is free
    keys = [(f"pyrosnn-{name}", cell.name) for cell in cells]
    futures = client.map(run_on_worker, [name] * len(cells), cells, key=keys, pure=False)
    done: Any = as_completed(futures)
    del futures  # a future that nobody holds is one whose result the cluster forgets
    for future in done:
        try:
            finished: Finished = future.result()
        except KilledWorker as error:
            raise ClusterError(
                f"cell {future.key[1]} was lost with {error.allowed_failures + 1} workers, one "
                "after the other; they may lack memory: lower --memory-budget"
            ) from error
        yield finished


class Carrier(WorkerPlugin):
    """Brings a study's task to every worker once, also to those that come later.

    Args:
        task: the task; of its data set the test split travels.
    """

    def __init__(self, task: Task):
        self.name = uuid.uuid4().hex
        subject = task.subject
        if subject is not None:
            subject = replace(subject, dataset=_test_split(subject.dataset))
        self.task = replace(task, subject=subject)
        self.threads = torch.get_num_threads()
        self.versions = package_versions()

    def setup(self, worker: Worker) -> None:
        """Take the task in; refuse other versions, whose numbers could differ.

        Raises:
            ClusterError: ``worker tcp://… has torch 2.14.0, here is 2.15.0; …``.
        """
        for package, here in self.versions.items():
            there = package_versions()[package]
            if there != here:
                raise ClusterError(
                    f"worker {worker.address} has {package} {there}, here is {here}; "
                    "install the same versions"
                )

    def run(self, cell: Cell) -> Finished:
        """Run a cell when no other runs in this process."""
        with TURN:
            torch.set_num_threads(self.threads)
            return self.task(cell)


def run_on_worker(name: str, cell: Cell) -> Finished:
    """Run a cell with the task that a :class:`Carrier` has brought to this worker."""
    carrier: Any = get_worker().plugins[name]
    finished: Finished = carrier.run(cell)
    return finished


def _test_split(dataset: Dataset) -> Dataset:
    """Return a data set without training images: no cell looks at them."""
    # cloned: a view would take its whole memory along
    return replace(
        dataset,
        x_train=dataset.x_train[:0].clone(),
        y_train=dataset.y_train[:0].clone(),
        x_test=dataset.x_test.clone(),
        y_test=dataset.y_test.clone(),
    )
