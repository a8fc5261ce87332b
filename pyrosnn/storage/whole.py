"""Reading and writing a file whole or not at all, and refusing a bad place before the work."""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyrosnn.errors import FileError

# No checkpoint or result of pyrosnn is longer: a billion parameters, or 50 times the largest grid
# of the paper's experiments.
MAX_BYTES = 4 * 2**30


def check_writable(path: Path, *, overwrite: bool) -> None:
    """Refuse an output that could not be written later.

    Args:
        path: the file that is to be written.
        overwrite: whether an existing file may be replaced.

    Raises:
        FileError: if the path is a directory, its folder does not exist or is not writable, or
            the file exists and ``overwrite`` is not set.
    """
    if path.is_dir():
        raise FileError(f"cannot write {path}: it is a directory; name a file in it")
    if not path.parent.is_dir():
        raise FileError(f"cannot write {path}: there is no folder {path.parent}; make it first")
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror or error}") from error
    if path.exists() and not overwrite:
        raise FileError(
            f"{path} exists; add --overwrite (overwrite=True in Python) or choose another name"
        )


def read_whole(path: Path, what: str, *, limit: int = MAX_BYTES) -> bytes:
    """Read a file into memory through one descriptor: what is checked then is what is used.

    A file that another takes the place of meanwhile is read to its end; one that is changed in
    place is refused.

    Args:
        path: the file that is to be read.
        what: what it should be, for the error.
        limit: bytes that such a file has at most.

    Raises:
        FileError: if there is no such file, it is a directory, a pipe or a device, it is longer
            than ``limit``, it changes while it is read, or the disk refuses.
    """
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise FileError(f"cannot read {path}: it is not a file; expected a {what}")
            if before.st_size > limit:
                raise FileError(
                    f"cannot read {path}: it has {before.st_size:,} bytes, and a {what} has at "
                    f"most {limit:,}"
                )
            content = file.read(before.st_size + 1)
            after = os.fstat(file.fileno())
    except FileNotFoundError:
        raise FileError(f"there is no {what} {path}") from None
    except IsADirectoryError:
        raise FileError(f"cannot read {path}: it is not a file; expected a {what}") from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = getattr(error, "strerror", None) or error
        raise FileError(f"cannot read {path}: {reason}") from error
    if len(content) != before.st_size or after.st_mtime_ns != before.st_mtime_ns:
        raise FileError(f"{path} was changed while it was read; read it again when it is whole")
    return content


def _open_at_once(path: str, flags: int) -> int:
    """Open a file; a pipe that nobody writes to would otherwise wait for ever."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def temporary_prefix(path: Path) -> str:
    """Return how the names of a file's temporary files begin; they end with its suffix."""
    return f".{path.stem}.part-"


@contextmanager
def atomic_path(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary path beside ``path`` that takes its name when the block ends well.

    Args:
        path: the file that is to be written.
        overwrite: whether an existing file may be replaced.

    Raises:
        FileError: as :func:`check_writable`, or when the disk refuses.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "table.txt"
        >>> with atomic_path(target) as temporary:
        ...     _ = temporary.write_text("whole")
        >>> target.read_text()
        'whole'
    """
    check_writable(path, overwrite=overwrite)
    temporary: Path | None = None
    try:
        # the suffix stays last: writers choose their format by it
        handle, name = tempfile.mkstemp(
            prefix=temporary_prefix(path), suffix=path.suffix, dir=path.parent
        )
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)  # mkstemp's files are for their owner alone
        temporary.replace(path)
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_whole(path: str | Path, content: bytes, *, overwrite: bool = False) -> None:
    """Write a file, or leave the one that is there.

    Args:
        path: the file.
        content: its bytes.
        overwrite: whether an existing file may be replaced.

    Raises:
        FileError: as :func:`atomic_path`.
    """
    with atomic_path(Path(path), overwrite=overwrite) as temporary:
        temporary.write_bytes(content)


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, unless it is there.

    Raises:
        FileError: when the disk refuses, or a file is in its place.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"cannot make the folder {path} ({error.strerror}); name another"
        ) from error
