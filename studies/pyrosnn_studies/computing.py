"""Where a study's cells are run: in this process, or on a Dask cluster."""

from contextlib import AbstractContextManager, nullcontext

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


def set_threads(threads: int | None, *, shared: bool) -> None:
    """Set torch's threads in this process, and with it in those that work for it.

    Args:
        threads: how many; None for torch's choice, or one where work is shared.
        shared: whether other processes run the cells.
    """
    if threads is not None or shared:
        torch.set_num_threads(threads or 1)


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
