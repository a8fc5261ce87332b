"""The program in this process, as a user runs it."""

from collections.abc import Callable
from pathlib import Path

from typer.testing import CliRunner, Result

from pyrosnn_cli.main import app

Run = Callable[..., Result]

# Options of a small study of attacked images.
SMALL = ("--images", "20", "--repeats", "2", "--strengths", "0,0.5")
SIZES = ("--attack-samples", "1,3", "--inference-samples", "5")


def invoke(*arguments: str | Path) -> Result:
    """Run the program with these words."""
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(app, words, prog_name="pyrosnn")


def refused(result: Result, message: str) -> None:
    """Check for one line on stderr, exit status 2, and nothing else."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert message in lines[0]
    assert lines[0].startswith("pyrosnn: ")
