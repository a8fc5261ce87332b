"""Killed at any moment, and with a full disk at any write: no harm is done, and all goes on."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pyrosnn.results import open_results, result_digest
from pyrosnn_cli.main import app
from pyrosnn_studies import kept

KILLING = Path(__file__).parents[1] / "support" / "killing.py"
KILLS = int(os.environ.get("PYROSNN_KILLS", "5"))
FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.slow
@pytest.mark.processes
def test_a_study_that_is_killed_goes_on_to_the_same_file(
    checkpoint_path: Path, tmp_path: Path
) -> None:
    """SIGKILL at seeded moments; the file has the undisturbed one's digest, or is not there."""
    run = subprocess.run(
        [sys.executable, "-P", str(KILLING), str(checkpoint_path), str(tmp_path), str(KILLS), "1"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout.splitlines()[-1])
    assert found["killed"] == KILLS
    assert found["whole"] >= 1
    assert found["partial"] == 0  # files under the final name with another digest
    assert found["twice"] == 0  # cells that were kept, and run again
    assert found["wrong"] == 0  # runs with another exit status than 0
    assert found["left"] == 0  # folders of cells beside a whole file
    # the moments lie within the work: some kills left cells, and not always all
    assert len(set(found["kept"])) >= 2


class Disk:
    """Lets so many writes through and refuses those that follow, until it is emptied."""

    def __init__(self, free: int):
        self.free, self.writes, self.full = free, 0, False

    def write(self) -> None:
        self.writes += 1
        self.full = self.full or self.writes > self.free
        if self.full:
            raise FULL


@pytest.fixture
def study(checkpoint_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """The program with a study whose figure costs no time; it is written as any other."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(kept, "draw_png", lambda make: b"\x89PNG")

    def invoke(output: str, *options: str) -> Result:
        words = ["study", "prediction-variance", "--model", str(checkpoint_path)]
        words += ["--images", "10", "--block-size", "5", "--num-samples", "2", "--output", output]
        return CliRunner().invoke(app, [*words, "--quiet", *options], prog_name="pyrosnn")

    return invoke


def _full_when_synced(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = os.fsync

    def fsync(handle: int) -> None:
        disk.write()
        plain(handle)

    monkeypatch.setattr(os, "fsync", fsync)


def _full_half_way(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Path.write_bytes

    def write_bytes(self: Path, data: bytes) -> int:
        try:
            disk.write()
        except OSError:
            plain(self, data[: len(data) // 2])
            raise
        return plain(self, data)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fill", "writes"),
    # the manifest, two cells, the figure and the result are synced; all but the first are bytes
    [(_full_when_synced, 5), (_full_half_way, 4)],
    ids=["when synced", "half way"],
)
def test_a_disk_that_is_full_at_any_write(
    fill: Callable[[Disk, pytest.MonkeyPatch], None],
    writes: int,
    study: Callable[..., Result],
    tmp_path: Path,
) -> None:
    assert study("whole.nc").exit_code == 0
    expected = result_digest(open_results(tmp_path / "whole.nc"))
    for free in range(writes + 1):
        disk = Disk(free)
        output = f"after-{free}.nc"
        with pytest.MonkeyPatch.context() as patch:
            fill(disk, patch)
            result = study(output)
        if free == writes:  # so there are no more writes than these
            assert result.exit_code == 0, result.output
            assert disk.writes == writes
            continue
        assert result.exit_code == 2, result.output
        (line,) = result.stderr.strip().splitlines()
        assert "No space left on device" in line
        assert not (tmp_path / output).exists()
        cells = len(list(tmp_path.glob(f"{output}.cells/*.cell")))
        assert (f"; {cells} of 2 cells are kept in {output}.cells" in line) is (cells > 0)
        # nothing half-written is left anywhere
        assert not [path for path in tmp_path.rglob(".*") if path.is_file()]
        resumed = study(output, "--resume")
        assert resumed.exit_code == 0, resumed.output
        assert result_digest(open_results(tmp_path / output)) == expected
        assert not (tmp_path / f"{output}.cells").exists()
