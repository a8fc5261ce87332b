"""Workers of Dask that start in a moment."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager

import dask
from distributed.utils import get_mp_context


@contextmanager
def quick_workers() -> Iterator[None]:
    """Let Dask fork its workers from a process that has torch; else each imports it for seconds.

    Workers that start in the usual way are those of the program as a process of its own.
    """
    with dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"}):
        get_mp_context()  # Dask names what it wants to be loaded; this adds to it
        multiprocessing.set_forkserver_preload(["distributed", "pyrosnn_studies.cluster"])
        yield
