"""Where a study's cells are run: in this process, or on a Dask cluster."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from pyrosnn.errors import ArgumentError, require
from pyrosnn_studies.runner import Compute, in_order


def check_computing(workers: int | None, scheduler: str | None) -> None:
    """Refuse a missing Dask, and two places, before any work.

    Raises:
        ArgumentError: naming the option.
    """
    if workers is None and scheduler is None:
        return
    require(
        workers is None or scheduler is None,
        "give --workers (a cluster of this machine) or --scheduler (one that is there), not both",
    )
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise ArgumentError(
            "--workers and --scheduler need dask.distributed; install it with "
            "pip install 'pyrosnn[dask]'"
        ) from None


@contextmanager
def threads_set(threads: int | None, *, shared: bool) -> Iterator[None]:
    """Set torch's threads in this process and in those that work for it, for a ``with`` block.

    Args:
        threads: how many; None for torch's choice, or one where work is shared.
        shared: whether other processes run the cells.
    """
    before = torch.get_num_threads()
    if threads is not None or shared:
        torch.set_num_threads(threads or 1)
    try:
        yield
    finally:
        if torch.get_num_threads() != before:
            torch.set_num_threads(before)


def computing(workers: int | None, scheduler: str | None) -> AbstractContextManager[Compute]:
    """Return what runs the cells, for a ``with`` block.

    Args:
        workers: processes of a cluster of this machine.
        scheduler: address of one that is there; with neither, this process.
    """
    if workers is None and scheduler is None:
        return nullcontext(in_order)

    from pyrosnn_studies.cluster import local_cluster, remote_cluster

    return remote_cluster(scheduler) if scheduler is not None else local_cluster(workers or 1)
