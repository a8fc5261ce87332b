"""Locks: one process at a time works on a file, and clears away what a killed one left of it."""

import errno
import re
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from pyrosnn.errors import FileError, PyrosnnWarning
from pyrosnn.storage.whole import check_writable, temporary_prefix

# What a file system answers that has no locks, such as some of clusters and containers.
_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL}


@contextmanager
def lock(*outputs: Path, step: str = "wait for it, or name another --output") -> Iterator[None]:
    """Keep files for this process while the block runs.

    The lock is on a hidden file beside the output. It ends with the process, however that ends;
    a lock file that a killed process left there hinders nobody. Where the file system has no
    locks, the block runs without, after a warning.

    Args:
        outputs: the files that are to be written.
        step: what to do where another process has locked one of them.

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
    with ExitStack() as held:
        for output in outputs:
            check_writable(output, overwrite=True)  # the lock would make its folder
            hidden = output.with_name(f".{output.name}.lock")
            if _locked(hidden, output, held, step):
                _clear(output)
            held.callback(_remove, hidden)  # before the lock is released: nobody else has it
        yield


def _locked(hidden: Path, output: Path, held: ExitStack, step: str) -> bool:
    """Lock a hidden file; return False where the file system has no locks."""
    from filelock import FileLock, Timeout  # no help text waits for it

    try:
        with warnings.catch_warnings():
            # filelock then takes a file that is there as the lock, which does here
            warnings.filterwarnings("ignore", "flock not supported", UserWarning)
            held.enter_context(FileLock(hidden).acquire(blocking=False))
    except Timeout:
        raise FileError(f"another run is at work on {output}; {step}") from None
    except (OSError, NotImplementedError) as error:
        number: Any = getattr(error, "errno", errno.ENOSYS)
        if number not in _NO_LOCKS:
            raise FileError(
                f"cannot write {output}: {getattr(error, 'strerror', error)}"
            ) from error
        warnings.warn(
            f"the file system of {output} has no locks; start no other run on it meanwhile",
            PyrosnnWarning,
            stacklevel=4,
        )
        return False
    return True


def _clear(path: Path) -> None:
    """Remove the temporary files of a process that was killed while it wrote a file."""
    name = re.compile(f"{re.escape(temporary_prefix(path))}[a-z0-9_]+{re.escape(path.suffix)}")
    for left in path.parent.glob(".*"):
        if name.fullmatch(left.name):
            _remove(left)


def _remove(path: Path) -> None:
    with suppress(OSError):  # another user's
        path.unlink()
