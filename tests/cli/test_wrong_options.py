"""Wrong values of options end in one line and exit status 2, at every command.

Each command is run with right words but one or two options, whose values hypothesis takes from
``VALUES``: ``EXAMPLES`` runs of each command.
"""

import warnings
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from support.program import SIZES, Run, invoke

from pyrosnn_cli.main import app

EXAMPLES = 16

VALUES = [
    *("", "x", "é", "-1", "0", "1.5", "nan", "inf", "-inf", "1e400", "8/0", "8/255", "1,,2", "2,1"),
    *("0:1:0", "1:0:1", "none", "true", "{}", "a/b", ".", "a:b", "a.nc", "--", "0x10"),
]
# Those that start other processes, or wait for one.
ELSEWHERE = {"--workers", "--scheduler", "--help", "-h"}

MADE = ("--overwrite", "--quiet")
TINY = ("--images", "2", "--repeats", "1", "--strengths", "0.5", *SIZES)
COMMANDS: dict[str, tuple[str, ...]] = {
    "train bnn": ("train", "bnn", "--epochs", "1", "--batch-size", "700", "--hidden", "3", *MADE),
    "study sample-size": ("study", "sample-size", "--model", "MODEL", *TINY, *MADE),
    "study gaussian-angles": (
        *("study", "gaussian-angles", "--pairs", "2", "--step", "5", "--dimension", "3"),
        *MADE,
    ),
    "study prediction-variance": (
        *("study", "prediction-variance", "--model", "MODEL"),
        *("--images", "2", "--num-samples", "2", *MADE),
    ),
    "diagnose": (
        *("diagnose", "--model", "MODEL", "--images", "2", "--repeats", "1", "--no-checks"),
        *("--num-samples", "40", "--attack-samples", "1,2", "--inference-samples", "2", *MADE),
    ),
    "summary": ("summary", "RESULT"),
    "compare": ("compare", "RESULT", "RESULT"),
    "merge": ("merge", "RESULT", "--output", "merged.nc", *MADE[:1]),
    "plot": ("plot", "RESULT", *MADE[:1]),
}


def _options(words: tuple[str, ...]) -> list[str]:
    """Return the options of the command that some words name."""
    command: Any = typer.main.get_command(app)
    context = command.context_class(command, resilient_parsing=True)
    for word in words:
        if word.startswith("-") or not hasattr(command, "resolve_command"):
            break
        command = command.get_command(context, word)
    flags = [flag for parameter in command.params for flag in parameter.opts if flag[0] == "-"]
    return sorted(set(flags) - ELSEWHERE)


@pytest.fixture(autouse=True)
def within_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Options that name files are drawn at random."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, checkpoint_path: Path) -> dict[str, str]:
    """A checkpoint and a result, by the words that stand for them."""
    result = tmp_path_factory.mktemp("result") / "a.nc"
    words = ("study", "sample-size", "--model", str(checkpoint_path), *TINY, "--quiet")
    made = invoke(*words, "--output", str(result))
    assert made.exit_code == 0, made.output
    return {"MODEL": str(checkpoint_path), "RESULT": str(result)}


@pytest.mark.slow
@pytest.mark.usefixtures("as_users_call")
@pytest.mark.parametrize("name", COMMANDS)
def test_wrong_values_are_refused_in_one_line(name: str, run: Run, files: dict[str, str]) -> None:
    words = [files.get(word, word) for word in COMMANDS[name]]
    flags = _options(COMMANDS[name])

    @settings(max_examples=EXAMPLES)
    @given(
        st.lists(st.tuples(st.sampled_from(flags), st.sampled_from(VALUES)), min_size=1, max_size=2)
    )
    def check(wrong: list[tuple[str, str]]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = run(*words, *(word for pair in wrong for word in pair))
        raw = result.exception is not None and not isinstance(result.exception, SystemExit)
        assert not raw, (wrong, result.exception)
        if result.exit_code == 2:
            (line,) = result.stderr.strip().splitlines()[-1:]
            assert line.startswith("pyrosnn: ")

    check()
