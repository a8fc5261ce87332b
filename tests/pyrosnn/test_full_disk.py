"""A disk that is full at any byte leaves nothing: no half file, no temporary file."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from support.limits import file_size
from support.small_result import small_result

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import FileError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.plots.drawing import draw_png
from pyrosnn.results import open_results, save_results
from pyrosnn.storage import read_whole, write_whole
from pyrosnn.training import (
    TrainingSpec,
    TrainingState,
    load_checkpoint,
    save_checkpoint,
    save_state,
)

Write = Callable[[Path], None]
RESULT = small_result()


@pytest.fixture(params=["result", "checkpoint", "training", "figure"])
def write(
    request: pytest.FixtureRequest,
    bnn: StochasticClassifier,
    specs: dict[str, TrainingSpec],
    digits: Dataset,
) -> Write:
    figure = Figure(figsize=(1, 1))  # what is on it takes time, and changes nothing
    figure.figimage(np.random.default_rng(0).random((100, 100)))
    drawn = draw_png(lambda: figure)
    state = TrainingState(epoch=1, tensors={"classifier.mean": torch.zeros(5000)})
    writers: dict[str, Write] = {
        "result": lambda path: save_results(path, RESULT, overwrite=True),
        "checkpoint": lambda path: save_checkpoint(path, bnn, specs["bnn"], digits, overwrite=True),
        "training": lambda path: save_state(path, state, specs["bnn"], digits),
        "figure": lambda path: write_whole(path, drawn, overwrite=True),
    }
    return writers[request.param]


@pytest.mark.slow
def test_at_every_write(write: Write, tmp_path: Path) -> None:
    path = tmp_path / "a.nc"
    write(path)
    whole = path.read_bytes()
    for room in [0, 1, 4096, *range(8192, len(whole), len(whole) // 3), len(whole) - 1]:
        with file_size(room), pytest.raises(FileError, match=r"cannot write .*a\.nc: "):
            write(path)
        assert path.read_bytes() == whole  # the old file
        assert [found.name for found in tmp_path.iterdir()] == ["a.nc"]
        path.unlink()
        with file_size(room), pytest.raises(FileError):
            write(path)
        assert not list(tmp_path.iterdir())
        path.write_bytes(whole)


@pytest.mark.processes
def test_on_a_file_system_that_is_full(write: Write, tmp_path: Path) -> None:
    mounted = os.name == "posix" and os.geteuid() == 0
    mounted = (
        mounted
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", tmp_path],
            capture_output=True,
            check=False,
        ).returncode
    )
    if not mounted:
        pytest.skip("only the superuser mounts a small file system")
    try:
        with pytest.raises(FileError, match="No space left on device"):
            write(tmp_path / "a.nc")
        assert not list(tmp_path.iterdir())
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_a_folder_that_cannot_be_written_to(write: Write, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        with pytest.raises(FileError, match=r"cannot write /proc/a\.nc: "):
            write(Path("/proc/a.nc"))
        return
    tmp_path.chmod(0o555)
    with pytest.raises(FileError, match="Permission denied"):
        write(tmp_path / "a.nc")


@pytest.mark.parametrize("read", [open_results, load_checkpoint])
def test_what_is_no_file(read: Callable[[Path], object], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place, message in ((tmp_path / "pipe", "it is not a file"), (tmp_path, "not a file")):
        with pytest.raises(FileError, match=message):
            read(place)
    with pytest.raises(FileError, match="cannot read"):
        read(Path("a\0b"))
    sparse = tmp_path / "sparse"
    with sparse.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(FileError, match="it has 1,099,511,627,776 bytes"):
        read(sparse)


def test_a_file_that_is_replaced_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, other = tmp_path / "a", tmp_path / "b"
    path.write_bytes(b"old, and whole")
    other.write_bytes(b"new")
    fstat = os.fstat

    def replace(descriptor: int) -> os.stat_result:
        if other.exists():
            other.replace(path)
        return fstat(descriptor)

    monkeypatch.setattr(os, "fstat", replace)
    assert read_whole(path, "file") == b"old, and whole"
    assert read_whole(path, "file") == b"new"


@pytest.mark.parametrize("change", [b"longer than it was", b"cut", b"other bytes"])
def test_a_file_that_is_changed_while_it_is_read(
    change: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"eleven byte")
    os.utime(path, (1, 1))
    fstat = os.fstat

    def once(descriptor: int) -> os.stat_result:
        found = fstat(descriptor)
        if found.st_mtime == 1:
            path.write_bytes(change)
        return found

    monkeypatch.setattr(os, "fstat", once)
    with pytest.raises(FileError, match="was changed while it was read"):
        read_whole(path, "file")
