"""Where a study's cells are run: in this process, or on a Dask cluster."""

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from pyrosnn.errors import ArgumentError, require
from pyrosnn_cli.options import Running

if TYPE_CHECKING:
    from pyrosnn_studies.runner import Compute


def check_computing(running: Running) -> None:
    """Refuse options that cannot be, and a missing Dask, before any work.

    Raises:
        ArgumentError: naming the option.
    """
    for option in ("workers", "threads"):
        value = getattr(running, option)
        require(value is None or value >= 1, f"--{option} must be >= 1, got {value}")
    if running.workers is None and running.scheduler is None:
        return
    require(
        running.workers is None or running.scheduler is None,
        "give --workers (a cluster of this machine) or --scheduler (one that is there), not both",
    )
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise ArgumentError(
            "--workers and --scheduler need dask.distributed; install it with "
            "pip install 'pyrosnn[dask]'"
        ) from None


def set_threads(running: Running) -> None:
    """Set torch's threads in this process, and with it in those that work for it."""
    import torch

    shared = running.workers is not None or running.scheduler is not None
    threads = running.threads or (1 if shared else None)
    if threads is not None:
        torch.set_num_threads(threads)


def computing(running: Running) -> "AbstractContextManager[Compute]":
    """Return what runs the cells, for a ``with`` block."""
    if running.workers is None and running.scheduler is None:
        from pyrosnn_studies.runner import in_order

        return nullcontext(in_order)

    from pyrosnn_studies.cluster import local_cluster, remote_cluster

    if running.scheduler is not None:
        return remote_cluster(running.scheduler)
    return local_cluster(running.workers or 1)
