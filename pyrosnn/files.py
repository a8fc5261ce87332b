"""Writing a file whole or not at all, and refusing a bad place before the work is done."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyrosnn.errors import FileError


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


def check_readable(path: Path, what: str) -> None:
    """Refuse a path that is no readable file.

    Args:
        path: the file that is to be read.
        what: what it should be, for the error.

    Raises:
        FileError: if there is no such file, or it is a directory.
    """
    if not path.exists():
        raise FileError(f"there is no {what} {path}")
    if not path.is_file():
        raise FileError(f"cannot read {path}: it is not a file; expected a {what}")


def cells_folder(output: Path) -> Path:
    """Return where the finished cells of a study are kept until its output is written.

    Args:
        output: the output.

    Example:
        >>> cells_folder(Path("results/sample-size.nc")).name
        'sample-size.nc.cells'
    """
    return output.with_name(f"{output.name}.cells")


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
            prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent
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
