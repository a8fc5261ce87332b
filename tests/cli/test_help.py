"""The help of every command, and what it costs."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from support.commands import Words, commands
from support.program import Run
from typer.testing import CliRunner

from pyrosnn.attacks import NORMS
from pyrosnn.data import DATASETS
from pyrosnn.models import MODELS
from pyrosnn_cli.main import app
from pyrosnn_studies import STUDIES

COMMANDS = commands(typer.main.get_command(app))


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: "-".join(words) or "pyrosnn")
def test_every_command_and_option_has_help(words: Words, run: Run) -> None:
    result = run(*words, "--help")
    assert result.exit_code == 0
    assert " ".join(["Usage: pyrosnn", *words]) in result.output
    command = COMMANDS[words]
    assert command.help
    assert not [each.name for each in command.params if not getattr(each, "help", None)]


def test_no_command_is_missed() -> None:
    """The walk finds the program itself, its commands, and those of a group."""
    assert {(), ("summary",), ("study", "list"), ("study", "sample-size")} <= set(COMMANDS)


@pytest.mark.processes
def test_help_needs_no_torch_and_import_needs_no_arviz() -> None:
    code = (
        "import sys, typer\n"
        "from support.commands import commands\n"
        "from typer.testing import CliRunner\n"
        "from pyrosnn_cli.main import app\n"
        "assert CliRunner().invoke(app, ['train', 'bnn', '--help']).exit_code == 0\n"
        "assert 'pydantic' not in sys.modules  # a quarter of the time\n"
        "for words in commands(typer.main.get_command(app)):\n"
        "    assert CliRunner().invoke(app, [*words, '--help']).exit_code == 0\n"
        "assert CliRunner().invoke(app, ['study', 'list']).exit_code == 0\n"
        "heavy = {'torch', 'pyro', 'arviz', 'matplotlib', 'xarray', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "import pyrosnn\n"
        "assert 'torch' not in sys.modules\n"
        "pyrosnn.open_results, pyrosnn.save_results\n"
        "assert not {'torch', 'pyro'} & set(sys.modules)\n"
        "pyrosnn.FGM, pyrosnn.evaluate\n"
        "heavy = {'arviz', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", code], check=True, env=paths)


@pytest.mark.processes
def test_the_installed_program_answers() -> None:
    program = Path(sys.executable).with_name("pyrosnn")
    help_text = subprocess.run([program, "--help"], capture_output=True, text=True, check=True)
    assert "Usage: pyrosnn" in help_text.stdout
    wrong = subprocess.run([program, "train", "bnnn"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("pyrosnn: unknown model 'bnnn'; did you mean 'bnn'? (bnn, im,")
    assert len(wrong.stderr.splitlines()) == 1


def test_lists_and_versions(run: Run) -> None:
    listed = run("study", "list").stdout
    for name, entry in STUDIES.items():
        module = importlib.import_module(entry.home.partition(":")[0])
        assert module.__doc__ is not None
        assert f"{name} " in listed
        assert module.__doc__.splitlines()[0] in listed
    assert run("--version").stdout.startswith("pyrosnn 0.")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("pyrosnn train ", list(MODELS)),
        ("pyrosnn study ", [*STUDIES, "all", "run", "list"]),
        ("pyrosnn study sample", ["sample-size"]),
        ("pyrosnn train bnn --dataset ", list(DATASETS)),
        ("pyrosnn study sample-size --norm l", list(NORMS)),
        ("pyrosnn study sample-size --attack pgd --st", ["--steps", "--strength"]),
        ("pyrosnn train bnn --regulariser in", ["input-gradient"]),
        ("pyrosnn train bnn --network foo --hid", ["--hidden"]),
        ("pyrosnn study sampel --", ["--help"]),
        ("pyrosnn summ", ["summary"]),
    ],
)
def test_a_shell_completes_names(words: str, expected: list[str]) -> None:
    place = len(words.split()) - (not words.endswith(" "))
    shell = {"_PYROSNN_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(place)}
    result = CliRunner().invoke(app, [], prog_name="pyrosnn", env=shell)
    assert result.stdout.split() == expected
