"""What a process of a local cluster does first: it keeps its memory, and leaves Ctrl-C alone."""

import signal

from distributed import Worker

from pyrosnn_studies.allocation import keep_freed_memory


def dask_setup(worker: Worker) -> None:
    """Ignore Ctrl-C, which a terminal sends to all processes; the owner closes the cluster."""
    keep_freed_memory()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
