"""Long runs at the command line: interruption, progress, and where the work is done."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from distributed import LocalCluster
from support.workers import quick_workers
from typer.testing import CliRunner, Result

from pyrosnn.results import open_results, read_provenance, result_digest
from pyrosnn.storage import lock
from pyrosnn_cli.main import app

Run = Callable[..., Result]
STUDY = ("study", "prediction-variance", "--images", "20", "--block-size", "5")
PYROSNN = Path(sys.executable).with_name("pyrosnn")


@pytest.fixture
def run(
    tmp_path: Path, checkpoint_path: Path, monkeypatch: pytest.MonkeyPatch, undrawn: None
) -> Run:
    monkeypatch.chdir(tmp_path)

    def invoke(*options: str) -> Result:
        words = [*STUDY, "--num-samples", "3", "--model", str(checkpoint_path), *options]
        return CliRunner().invoke(app, words, prog_name="pyrosnn")

    return invoke


def refused(result: Result, message: str) -> None:
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.strip().splitlines()
    assert message in line


@pytest.mark.slow
@pytest.mark.processes
def test_ctrl_c_leaves_cells_and_says_how_to_go_on(
    checkpoint_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # twenty cells: the signal comes before the last, however late this process is told of the first
    words = [*STUDY, "--num-samples", "30", "--block-size", "1", "--log-json"]
    words += ["--model", str(checkpoint_path), "--output", "a.nc", "--threads", "1"]
    with subprocess.Popen(
        [str(PYROSNN), *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a suite in the background ignores Ctrl-C, and its children would, too
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stderr is not None
        lines = [process.stderr.readline(), process.stderr.readline()]
        process.send_signal(signal.SIGINT)
        lines += process.stderr.readlines()
    assert process.returncode == 130
    events = [json.loads(line) for line in lines[:-1]]
    assert [event["event"] for event in events[:2]] == ["start", "progress"]
    assert events[-1]["event"] == "stopped"
    done = events[-1]["done"]
    assert 1 <= done < 20
    said = "20 cells are kept in a.nc.cells: the same command with --resume continues"
    assert lines[-1].startswith("pyrosnn: interrupted; ")
    assert said in lines[-1]
    assert not (tmp_path / "a.nc").exists()
    monkeypatch.chdir(tmp_path)
    again = CliRunner().invoke(app, [*words, "--resume"], prog_name="pyrosnn")
    assert again.exit_code == 0, again.stderr
    first = json.loads(again.stderr.splitlines()[0])
    assert (first["event"], first["total"]) == ("start", 20)
    assert first["done"] >= done
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.nc", "a.png"]


def interrupted(run: Run, *options: str) -> None:
    """Leave the cells of a run that stopped after three."""
    from pyrosnn_studies.store import CellStore

    plain, calls = CellStore.save, 0

    def save(self, finished):  # type: ignore[no-untyped-def]
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        plain(self, finished)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CellStore, "save", save)
        assert run(*options).exit_code == 130


@pytest.mark.slow
def test_resume_and_overwrite(run: Run, tmp_path: Path) -> None:
    assert run("--output", "whole.nc").exit_code == 0
    expected = result_digest(open_results(tmp_path / "whole.nc"))
    interrupted(run, "--output", "a.nc")
    refused(run("--output", "a.nc"), "a.nc.cells holds cells of an interrupted run; add --resume")
    refused(
        run("--output", "a.nc", "--resume", "--seed", "1"),
        "the cells in a.nc.cells are of another run: spec.seed is 0 there, 1 here; repeat",
    )
    resumed = run("--output", "a.nc", "--resume")
    assert resumed.exit_code == 0, resumed.output
    assert "study prediction-variance: 3/4 from an earlier run" in resumed.stderr
    assert "wrote a.nc and a.png" in resumed.stdout
    assert result_digest(open_results(tmp_path / "a.nc")) == expected
    written = (tmp_path / "a.nc").read_bytes()
    again = run("--output", "a.nc", "--resume")
    assert again.exit_code == 0, again.output
    assert "a.nc is whole: nothing was left to do" in again.stdout
    assert (tmp_path / "a.nc").read_bytes() == written
    refused(run("--output", "a.nc"), "a.nc exists; add --overwrite")
    refused(run("--output", "a.nc", "--resume", "--seed", "1"), "a.nc is of another run")
    # a run that replaces an output, interrupted and resumed
    interrupted(run, "--output", "a.nc", "--seed", "1", "--overwrite")
    assert (tmp_path / "a.nc").read_bytes() == written
    replaced = run("--output", "a.nc", "--seed", "1", "--overwrite", "--resume")
    assert replaced.exit_code == 0, replaced.output
    assert "3/4 from an earlier run" in replaced.stderr
    assert result_digest(open_results(tmp_path / "a.nc")) != expected
    # and one that starts anew
    interrupted(run, "--output", "a.nc", "--overwrite")
    anew = run("--output", "a.nc", "--overwrite")
    assert anew.exit_code == 0, anew.output
    assert "from an earlier run" not in anew.stderr
    assert result_digest(open_results(tmp_path / "a.nc")) == expected
    assert not list(tmp_path.glob("*.cells"))


@pytest.mark.slow
def test_a_second_run_on_one_output_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / ".a.part-x.png").write_text("half")  # a killed one's
    interrupted(run, "--output", "a.nc")
    for how in ([], ["--resume"], ["--overwrite"]):
        with lock(tmp_path / "a.nc"):
            refused(
                run("--output", "a.nc", "--quiet", *how), "another run is at work on a.nc; wait"
            )
    with lock(tmp_path / "a.png"):
        refused(run("--output", "a.nc", "--quiet"), "another run is at work on a.png")
    assert run("--output", "a.nc", "--quiet", "--resume").exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.nc", "a.png"]
    train = ("train", "sin", "--epochs", "1", "--hidden", "8", "--quiet")
    with lock(tmp_path / "sin-digits.safetensors"):
        refused(
            CliRunner().invoke(app, train, prog_name="pyrosnn"),
            "at work on sin-digits.safetensors; wait for it, then give it with --model; or name",
        )
    assert not list(tmp_path.glob("sin*"))


@pytest.mark.slow
@pytest.mark.processes
def test_ctrl_c_of_a_terminal_is_for_the_waiting_process_alone(
    checkpoint_path: Path, tmp_path: Path
) -> None:
    """It goes to the workers, too, which would each show a traceback."""
    command = [str(PYROSNN), *STUDY, "--num-samples", "30", "--block-size", "1", "--log-json"]
    command += ["--model", str(checkpoint_path), "--output", "a.nc", "--workers", "1"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stderr is not None
        lines = [process.stderr.readline(), process.stderr.readline()]
        os.killpg(process.pid, signal.SIGINT)
        lines += process.stderr.readlines()
    assert process.returncode == 130
    assert [json.loads(line)["title"] for line in lines[:-1]]
    assert lines[-1].startswith("pyrosnn: interrupted; ")


def test_an_error_before_the_first_cell_leaves_nothing(run: Run, tmp_path: Path) -> None:
    from pyrosnn.errors import FileError
    from pyrosnn_studies.store import CellStore

    def save(self, finished):  # type: ignore[no-untyped-def]
        raise FileError("no luck")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CellStore, "save", save)
        refused(run("--output", "a.nc", "--quiet"), "pyrosnn: no luck")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_quiet_is_quiet(run: Run) -> None:
    result = run("--quiet")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert "wrote prediction-variance.nc" in result.stdout


def test_json_lines_count_all_steps(run: Run) -> None:
    result = run("--log-json")
    events = [json.loads(line) for line in result.stderr.splitlines()]
    assert [event["event"] for event in events] == ["start", *["progress"] * 4, "end"]
    assert [event["done"] for event in events] == [0, 1, 2, 3, 4, 4]
    assert {event["total"] for event in events} == {4}
    assert {event["title"] for event in events} == {"study prediction-variance"}
    assert events[0]["eta"] is None
    assert events[1]["eta"] > 0
    assert events[-1]["eta"] == 0
    assert [event["text"] for event in events[1:3]] == ["variation-0-0", "variation-0-1"]
    train = CliRunner().invoke(
        app, ["train", "sin", "--epochs", "2", "--hidden", "8", "--log-json"], prog_name="pyrosnn"
    )
    events = [json.loads(line) for line in train.stderr.splitlines()]
    assert [event["done"] for event in events] == [0, 1, 2, 2]
    assert events[1]["text"].startswith("loss ")


@pytest.mark.slow
def test_plain_lines_tell_the_time_to_go(run: Run) -> None:
    lines = run().stderr.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("study prediction-variance: 1/4 variation-0-0 (")
    assert lines[0].endswith(" to go)")
    assert not lines[3].endswith(" to go)")


@pytest.mark.slow
def test_threads_are_set_and_recorded(run: Run, tmp_path: Path) -> None:
    try:
        assert run("--threads", "2", "--output", "two.nc").exit_code == 0
    finally:
        torch.set_num_threads(1)
    assert read_provenance(open_results(tmp_path / "two.nc"))["threads"] == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--workers", "0"), "workers must be >= 1, got 0"),
        (("--threads", "-1"), "threads must be >= 1, got -1"),
        (("--workers", "2", "--scheduler", "tcp://a:1"), "give --workers (a cluster of this"),
    ],
)
def test_options_that_cannot_be(run: Run, options: tuple[str, ...], message: str) -> None:
    refused(run(*options), message)


@pytest.mark.slow
@pytest.mark.processes
def test_the_same_file_alone_on_two_workers_and_on_a_cluster_that_is_there(
    run: Run, tmp_path: Path
) -> None:
    """The last one goes on with cells that this process has left."""
    assert run("--output", "alone.nc").exit_code == 0
    with quick_workers():
        two = run("--output", "two.nc", "--workers", "2")
    assert two.exit_code == 0, two.output
    interrupted(run, "--output", "there.nc", "--threads", "1")
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0"
    ) as cluster:
        there = run("--output", "there.nc", "--scheduler", cluster.scheduler_address, "--resume")
    assert there.exit_code == 0, there.output
    assert "3/4 from an earlier run" in there.stderr
    names = ("alone.nc", "two.nc", "there.nc")
    assert len({result_digest(open_results(tmp_path / name)) for name in names}) == 1


def test_without_dask_the_extra_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    refused(run("--workers", "2"), "need dask.distributed; install it with pip install 'pyrosnn[d")
