"""Outputs that nobody reads to the end, as in `pyrosnn --help | head`: the program ends quietly."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

CLOSED = 141  # what a shell reports of a program that a closed pipe has ended: 128 + SIGPIPE


@contextmanager
def closed_pipes_end_quietly() -> Iterator[None]:
    """End with the status of a closed pipe where one is closed; for a ``with`` block.

    The signal itself would end the program, too, but also for a connection that a worker drops.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()  # here, not when Python ends
    except BrokenPipeError:
        _discard_output()
        sys.exit(CLOSED)
    except SystemExit as end:  # Typer and rich end the program themselves, with 1
        if isinstance(end.__context__, BrokenPipeError):
            _discard_output()
            sys.exit(CLOSED)
        raise


def _discard_output() -> None:
    """Send what is still in buffers nowhere, so that Python does not fail to write it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
