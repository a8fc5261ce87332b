"""A field that is added to a dataclass is an option, a key of a file, and checked."""

import re
import sys
from collections.abc import Callable
from importlib import util
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError
from pyrosnn.noise import NOISES
from pyrosnn.results import open_results, read_spec
from pyrosnn.training import load_checkpoint, preset
from pyrosnn_cli.main import app
from pyrosnn_studies import STUDIES, Entry

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the program in an empty folder, on a wide terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(app, list(words), prog_name="pyrosnn")

    return invoke


def with_field(module: str, folder: Path, *, help_: tuple[str, str], field: tuple[str, str]) -> str:
    """Write a copy of a module with one more field and its line of help; return its name.

    Args:
        module: the module.
        folder: where the copy goes.
        help_: the line of the docstring after which the new one is put, and the new one.
        field: the field after which the new one is put, and the new one.
    """
    spec = util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).read_text("utf-8")
    for before, added in (help_, field):
        assert source.count(before) == 1
        source = source.replace(before, f"{before}\n{added}")
    name = f"changed_{module.rpartition('.')[2]}"
    (folder / f"{name}.py").write_text(source, "utf-8")
    return name


def words_of(result: Result) -> str:
    """Return an output as one line, without the frames of its panels."""
    return re.sub(r"[\s│]+", " ", result.output)


@pytest.fixture
def shifted_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the noise of `sin` a field ``shift``."""
    name = with_field(
        "pyrosnn.noise.input",
        tmp_path,
        help_=(
            "        site: name of the sample site.",
            "        shift: constant beside the noise, in pixel units.",
        ),
        field=("    per_example: bool = True", "    shift: Annotated[float, Gt(-2)] = 0.25"),
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(NOISES, "input", f"{name}:InputNoise")
    monkeypatch.delitem(sys.modules, name, raising=False)


@pytest.mark.usefixtures("shifted_input")
def test_a_field_of_a_noise(run: Run, tmp_path: Path) -> None:
    shown = words_of(run("train", "sin", "--help"))
    assert "--shift NUMBER Constant beside the noise, in pixel units. [default: 0.25]" in shown
    assert "--shift" not in words_of(run("train", "bnn", "--help"))
    trained = run("train", "sin", "--epochs", "1", "--hidden", "4", "--shift", "1.5", "--quiet")
    assert trained.exit_code == 0, trained.output
    checkpoint = load_checkpoint(tmp_path / "sin-digits.safetensors")
    assert checkpoint.spec.options["shift"] == 1.5
    assert preset("sin").options["shift"] == 0.25
    for words, message in (
        (["--shift", "-3"], "shift must be > -2 and finite, got -3.0"),
        (["--shfit", "1"], "did you mean --shift?"),
    ):
        refused = run("train", "sin", *words, "--output", "other.safetensors")
        assert refused.exit_code == 2
        assert message in refused.stderr
    with pytest.raises(ArgumentError, match="shift must be a number, got 'far'"):
        preset("sin", options={"shift": "far"})
    (tmp_path / "list.toml").write_text('[train.a]\nmodel = "sin"\nepochs = 1\nshift = -5\n')
    refused = run("study", "run", "list.toml")
    assert refused.exit_code == 2
    assert "shift must be > -2 and finite, got -5" in refused.stderr


@pytest.fixture
def widened_angles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the study `gaussian-angles` a field ``kinds``."""
    name = with_field(
        "pyrosnn_studies.gaussian_angles",
        tmp_path,
        help_=(
            "        step: step between the values of t, from 0 on.",
            "        kinds: number of kinds of vectors.",
        ),
        field=("    step: Annotated[float, Gt(0)]", "    kinds: Annotated[int, Ge(1)] = 7"),
    )
    monkeypatch.syspath_prepend(tmp_path)
    entry = Entry(home=f"{name}:STUDY", settings=f"{name}:AnglesSpec", needs="nothing")
    monkeypatch.setitem(STUDIES, "gaussian-angles", entry)
    monkeypatch.delitem(sys.modules, name, raising=False)


@pytest.mark.slow
@pytest.mark.usefixtures("widened_angles")
def test_a_field_of_a_study(run: Run, tmp_path: Path, digits: Dataset) -> None:
    shown = words_of(run("study", "gaussian-angles", "--help"))
    assert "--kinds INT Number of kinds of vectors. [default: 7]" in shown
    small = ("--pairs", "10", "--dimension", "5", "--quiet")
    for name, words, kinds in (("a.nc", [], 7), ("b.nc", ["--kinds", "3"], 3)):
        done = run("study", "gaussian-angles", *small, *words, "--output", name)
        assert done.exit_code == 0, done.output
        assert read_spec(open_results(tmp_path / name))["kinds"] == kinds
    again = run("study", "gaussian-angles", "--like", "b.nc", "--output", "c.nc", "--quiet")
    assert again.exit_code == 0, again.output
    assert read_spec(open_results(tmp_path / "c.nc"))["kinds"] == 3
    for words, message in (
        (["--kinds", "0"], "kinds must be >= 1, got 0"),
        (["--kinsd", "1"], "did you mean --kinds?"),
    ):
        refused = run("study", "gaussian-angles", *words, "--output", "d.nc")
        assert refused.exit_code == 2
        assert message in refused.stderr
