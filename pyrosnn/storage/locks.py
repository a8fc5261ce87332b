"""Locks: one process at a time works on a file, and clears away what a killed one left of it."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from pyrosnn.errors import FileError
from pyrosnn.storage.whole import check_writable, temporary_prefix


@contextmanager
def lock(*outputs: Path) -> Iterator[None]:
    """Keep files for this process while the block runs.

    The lock is on a hidden file beside the output. It ends with the process, however that ends;
    a lock file that a killed process left there hinders nobody.

    Args:
        outputs: the files that are to be written.

    Raises:
        FileError: if another process has locked one of them, there is no such folder, or the
            disk refuses.

    Example:
        >>> import tempfile
        >>> output = Path(tempfile.mkdtemp()) / "a.nc"
        >>> with lock(output), lock(output):
        ...     pass
        Traceback (most recent call last):
            ...
        pyrosnn.errors.FileError: another run is at work on ...a.nc; wait for it, or name ...
    """
    from filelock import FileLock, Timeout  # no help text waits for it

    with ExitStack() as held:
        for output in outputs:
            check_writable(output, overwrite=True)  # the lock would make its folder
            hidden = output.with_name(f".{output.name}.lock")
            try:
                held.enter_context(FileLock(hidden).acquire(blocking=False))
            except Timeout:
                raise FileError(
                    f"another run is at work on {output}; wait for it, or name another --output"
                ) from None
            except OSError as error:
                raise FileError(f"cannot write {output}: {error.strerror or error}") from error
            held.callback(_remove, hidden)  # before the lock is released: nobody else has it
            _clear(output)
        yield


def _clear(path: Path) -> None:
    """Remove the temporary files of a process that was killed while it wrote a file."""
    name = re.compile(f"{re.escape(temporary_prefix(path))}[a-z0-9_]+{re.escape(path.suffix)}")
    for left in path.parent.glob(".*"):
        if name.fullmatch(left.name):
            _remove(left)


def _remove(path: Path) -> None:
    with suppress(OSError):  # another user's
        path.unlink()
