"""The program as other shells start it: by the module's name, and with another encoding."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from support.program import SIZES, SMALL, Run, refused

import pyrosnn
from pyrosnn.errors import PyrosnnWarning


def program(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run ``python -m pyrosnn`` in a process of its own."""
    paths = os.pathsep.join(map(str, sys.path))
    variables = {**os.environ, "PYTHONPATH": paths, **environment}
    command = [sys.executable, "-m", "pyrosnn", *map(str, words)]
    return subprocess.run(command, capture_output=True, check=False, env=variables)


@pytest.mark.slow
@pytest.mark.processes
def test_a_code_page_without_greek_gets_what_it_has(
    run: Run, checkpoint_path: Path, tmp_path: Path
) -> None:
    file = tmp_path / "a.nc"
    run("study", "sample-size", "--model", checkpoint_path, *SMALL, *SIZES, "--output", file)
    for words in (("summary", file), ("compare", file, file)):
        done = program(*words, PYTHONIOENCODING="cp1252")
        assert done.returncode in (0, 1), done.stderr
        assert b"Traceback" not in done.stderr
        assert len(done.stdout.decode("cp1252")) > 100
        assert done.stdout.count(b"\n") == run(*words).stdout.count("\n")


@pytest.mark.processes
def test_the_module_is_the_program() -> None:
    assert program("--version").stdout.decode().strip() == f"pyrosnn {pyrosnn.__version__}"
    done = program("trian")
    assert done.returncode == 2
    assert done.stderr.decode("utf-8").startswith("pyrosnn: unknown command 'trian'")


@pytest.mark.slow
def test_fractions_are_strengths(run: Run, checkpoint_path: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.nc"
    study = ("study", "sample-size", "--model", checkpoint_path, *SMALL[:4], *SIZES)
    done = run(*study, "--norm", "linf", "--strengths", "0,8/255", "--output", file)
    assert done.exit_code == 0, done.output
    strengths = pyrosnn.open_results(file)["evaluation"].dataset["strength"]
    assert strengths.values.tolist() == [0.0, 8 / 255]
    assert run("summary", file, "--strength", "8/255").exit_code == 0
    refused(run("summary", file, "--strength", "8/0"), "--strength expects a number (0.5 or 8/255)")
    refused(run(*study, "--strengths", "8/x"), "--strength expects numbers separated by commas")


def test_a_warning_is_one_line(run: Run, checkpoint_path: Path) -> None:
    words = ("--model", checkpoint_path, *SMALL[:4], *SIZES, "--strengths", "900", "--quiet")
    with warnings.catch_warnings():  # elsewhere in the tests they are errors
        warnings.simplefilter("default", PyrosnnWarning)
        done = run("study", "sample-size", *words)
    assert done.exit_code == 0, done.output
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("pyrosnn: warning: a strength of 900 in l2 is more than any two")
