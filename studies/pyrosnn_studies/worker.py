"""What a process of a local cluster does first: Ctrl-C is for the one that waits for it."""

import signal

from distributed import Worker


def dask_setup(worker: Worker) -> None:
    """Ignore Ctrl-C, which a terminal sends to all processes; the owner closes the cluster."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
