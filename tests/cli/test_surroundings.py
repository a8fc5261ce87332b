"""The world around a run: homes that cannot be written, and figures that cannot be drawn."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure
from support.program import Run, refused

from pyrosnn.errors import FigureError, PyrosnnWarning
from pyrosnn.plots.drawing import draw_png
from pyrosnn.results import open_results
from pyrosnn_cli.pipes import CLOSED

ANGLES = ("study", "gaussian-angles", "--dimension", "20", "--pairs", "20", "--step", "5")


def no_latex(*args: object, **kwargs: object) -> None:
    raise RuntimeError("Failed to process string with tex because latex could not be found")


@pytest.mark.slow
def test_a_figure_is_drawn_without_latex_where_there_is_none(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("matplotlib.texmanager.TexManager.make_png", no_latex)
    monkeypatch.setattr("matplotlib.texmanager.TexManager.get_text_width_height_descent", no_latex)
    with mpl.rc_context({"text.usetex": True}):
        made = run(*ANGLES)
        assert mpl.rcParams["text.usetex"]
    assert made.exit_code == 0, made.output
    assert made.stderr.splitlines()[-1] == (
        "pyrosnn: warning: matplotlib cannot draw with its settings (Failed to process string with "
        "tex because latex could not be found); the figure has the defaults"
    )
    assert made.stdout.splitlines()[-1] == "wrote gaussian-angles.nc and gaussian-angles.png"
    assert (tmp_path / "gaussian-angles.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_figure_that_cannot_be_drawn_costs_neither_file_nor_tables(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("no font\nand more lines")

    (tmp_path / "gaussian-angles.png").write_text("of an older result")
    with monkeypatch.context() as patched:
        patched.setattr(Figure, "savefig", fail)
        made = run(*ANGLES, "--overwrite")
        refused(run("plot", "gaussian-angles.nc"), "matplotlib cannot draw the figure: no font")
    assert made.exit_code == 0, made.output
    assert "pyrosnn: warning: there is no figure gaussian-angles.png (matplotlib" in made.stderr
    assert "Angle in degrees" in made.stdout
    assert made.stdout.splitlines()[-1] == "wrote gaussian-angles.nc"
    assert len(open_results(tmp_path / "gaussian-angles.nc").children) == 1
    assert run("plot", "gaussian-angles.nc").exit_code == 0
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".nc", ".png"]


def test_a_fault_of_the_result_is_not_called_one_of_matplotlib() -> None:
    def fails() -> Figure:
        raise KeyError("cosine")

    with pytest.raises(KeyError, match="cosine"):
        draw_png(fails)

    def cannot() -> Figure:
        raise ValueError("no font")

    with pytest.raises(FigureError, match="matplotlib cannot draw the figure: no font"):
        draw_png(cannot)


@pytest.mark.processes
@pytest.mark.slow
def test_a_home_that_cannot_be_written_and_no_home(tmp_path: Path) -> None:
    """Neither a study nor a summary writes to a home; warnings of matplotlib's are its own."""
    code = "from pyrosnn_cli.main import main; main()"
    places = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "HOME": "/proc/nobody"}
    nowhere = {**places, "MPLCONFIGDIR": "/proc/nobody", "XDG_CACHE_HOME": "/proc"}
    for variables, words in ((nowhere, ANGLES), (places, ("summary", "gaussian-angles.nc"))):
        made = subprocess.run(
            [sys.executable, "-c", code, *words],
            env=variables, cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        assert "Traceback" not in made.stderr


@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.parametrize("words", [("evaluate", "--help"), ("study", "list")], ids=" ".join)
def test_a_reader_that_leaves_early_is_no_error(words: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)  # as `head` does, but at once
    made = subprocess.run(
        [sys.executable, "-m", "pyrosnn", *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=writing, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    os.close(writing)
    assert (made.returncode, made.stderr) == (CLOSED, "")


def test_warnings_are_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def warn(name: str) -> None:
        warnings.warn("nothing is wrong", PyrosnnWarning, stacklevel=1)

    monkeypatch.setattr("pyrosnn_studies.study.find_study", warn)
    assert run("study", "gaussian-angles").stderr.splitlines()[0] == (
        "pyrosnn: warning: nothing is wrong"
    )
