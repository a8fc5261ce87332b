"""Two processes do not work on one output, and a killed one hinders nobody."""

import errno
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pyrosnn.errors import FileError, PyrosnnWarning
from pyrosnn.storage import atomic_path, lock

HOLD = """
import sys, time
from pathlib import Path
from pyrosnn.storage import atomic_path, lock

with lock(Path(sys.argv[1])), atomic_path(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print("mine", flush=True)
    time.sleep(600)
"""


@pytest.mark.processes
def test_another_process_is_refused_until_it_is_gone(tmp_path: Path) -> None:
    output = tmp_path / "a.nc"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, output], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "mine\n"
        with pytest.raises(FileError, match=r"another run is at work on .*a\.nc; wait"):
            lock(output).__enter__()
        with lock(tmp_path / "b.nc"):
            pass
        assert len(list(tmp_path.iterdir())) == 2  # its lock and its half file, untouched
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with lock(output):
        left = [path.name for path in tmp_path.iterdir()]
        assert left == [".a.nc.lock"]
    assert not list(tmp_path.iterdir())


def test_files_of_others_stay(tmp_path: Path) -> None:
    output = tmp_path / "a.nc"
    mine = [".a-notes.nc", ".a.part-.nc", "a.part-xyz.nc", ".ab.part-12345678.nc", ".a.part-12.png"]
    for name in mine:
        (tmp_path / name).write_text("mine")
    with lock(output), atomic_path(tmp_path / "b.nc") as other:
        other.write_text("b")
        with lock(tmp_path / "c.nc", output.with_suffix(".txt")):
            assert other.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*mine, "b.nc"])


def test_what_is_written_on_the_way_is_cleared_too(tmp_path: Path) -> None:
    left = [tmp_path / ".a.part-ab_12xyz.png", tmp_path / ".a.part-ab_12xyz.nc"]
    for path in left:
        path.write_text("half")
    with lock(tmp_path / "a.nc", tmp_path / "a.png"):
        assert not any(path.exists() for path in left)


def test_an_error_ends_the_lock(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), lock(tmp_path / "a.nc"):
        raise KeyboardInterrupt
    with lock(tmp_path / "a.nc"):
        pass
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"cannot write .*a\.nc: there is no folder"):
        lock(tmp_path / "none" / "a.nc").__enter__()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "answer",
    [NotImplementedError("FileSystem does not support flock"), OSError(errno.ENOLCK, "No locks")],
    ids=["old-filelock", "no-locks"],
)
def test_a_file_system_without_locks_is_written_to(
    answer: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: object, *args: object, **kwargs: object) -> None:
        raise answer

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    with (
        pytest.warns(PyrosnnWarning, match=r"file system of .*a\.nc has no locks; start no other"),
        lock(tmp_path / "a.nc"),
        atomic_path(tmp_path / "a.nc") as temporary,
    ):
        temporary.write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["a.nc"]


def test_a_file_system_without_flock_has_a_file_as_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Newer versions of filelock do so by themselves; older ones refuse, as above."""
    fcntl = pytest.importorskip("fcntl")

    def refuse(*args: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with lock(tmp_path / "a.nc"), pytest.raises(FileError, match="another run is at work"):
        lock(tmp_path / "a.nc").__enter__()
    assert not list(tmp_path.iterdir())


def test_a_disk_that_refuses_is_no_file_system_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: object, *args: object, **kwargs: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    with pytest.raises(FileError, match=r"cannot write .*a\.nc: Read-only file system"):
        lock(tmp_path / "a.nc").__enter__()
