"""Results are read, summarised, checked, compared, explained, drawn and reported without torch."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from support.program import Run, refused
from support.small_result import small_result
from support.standard_result import standard_result

from pyrosnn.attacks import ATTACKS
from pyrosnn.checks.perturbation_norm import MINIMISE
from pyrosnn.results import save_results
from pyrosnn_cli.installed import OTHERS
from pyrosnn_studies import STUDIES
from pyrosnn_studies.shown import shown_of
from pyrosnn_studies.study import find_study

ROOT = Path(__file__).parents[2]
READING = [
    ["summary", "a.nc"],
    ["check", "a.nc"],
    ["plot", "a.nc"],
    ["report", "a.nc"],
    ["compare", "a.nc", "a.nc"],
    ["explain", "a.nc", "a.nc", "--output", "parts.png"],
    ["merge", "a.nc", "a.nc", "--output", "merged.nc"],
    ["summary", "evaluation.nc"],
    ["check", "evaluation.nc"],
    ["report", "evaluation.nc"],
    ["explain", "evaluation.nc", "evaluation.nc"],
]

# `import torch` fails, as where it is not installed
CODE = f"""
import sys, importlib
class LeftOut:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {sorted(OTHERS)}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, LeftOut())
from typer.testing import CliRunner
from pyrosnn_cli.main import app
from pyrosnn_studies import STUDIES
for name in ("results", "summaries", "checks", "plots", "reports"):
    importlib.import_module(f"pyrosnn.{{name}}")
for entry in STUDIES.values():
    for path in (entry.tables, entry.figure):
        module, _, name = path.partition(":")
        getattr(importlib.import_module(module), name)
for words in {READING}:
    made = CliRunner().invoke(app, words, prog_name="pyrosnn")
    assert made.exit_code in (0, 1) and made.stdout, (words, made.output)
    assert made.exit_code == 0 or words[0] == "check", (words, made.output)
"""


@pytest.mark.slow
@pytest.mark.processes
def test_results_are_read_without_torch(tmp_path: Path) -> None:
    save_results(tmp_path / "a.nc", small_result())
    save_results(tmp_path / "evaluation.nc", standard_result(20))
    made = subprocess.run(
        [sys.executable, "-c", CODE],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert {"a.png", "a.html", "merged.nc"} <= {path.name for path in tmp_path.iterdir()}


def test_what_needs_torch_says_how_to_have_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def left_out(name: str) -> None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr("pyrosnn_studies.study.find_study", left_out)
    refused(
        run("study", "gaussian-angles"),
        "this needs torch, which is not installed: this pyrosnn reads results only; for the rest: "
        "pip install jaxtyping pyro-ppl safetensors scikit-learn torch torchvision",
    )


def test_the_group_of_packages_that_read_is_all_but_those() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    reading, all_of_it = project["dependency-groups"]["results"], project["project"]["dependencies"]
    rest = {re.split("[<>=!]", line)[0] for line in {*all_of_it} - {*reading}}
    assert rest == set(OTHERS.values())
    assert set(reading) <= set(all_of_it)
    named = " ".join(re.split("[<>=!]", line)[0] for line in reading)
    assert f"\npip install {named}\n" in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", STUDIES)
def test_a_result_is_shown_as_its_study_shows_it(name: str) -> None:
    study = find_study(name)
    result = small_result()
    result.attrs["study"] = name
    shown = shown_of(result)
    assert (shown.name, shown.tables, shown.figure) == (study.name, study.tables, study.figure)


def test_attacks_that_minimise_the_norm_are_known_without_torch() -> None:
    assert {name for name, row in ATTACKS.items() if row.minimises_norm} == set(MINIMISE)
