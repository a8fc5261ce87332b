"""`pyrosnn check`: its table, its verdict, JSON and its exit status."""

import json
from pathlib import Path

import pytest
import xarray as xr
from support.simulated import law, planted, with_accuracy
from typer.testing import CliRunner, Result

from pyrosnn.checks import RESULT_CHECKS
from pyrosnn.results import GROUP, open_results, save_results
from pyrosnn_cli.main import app

REPRODUCTION = Path(__file__).parents[2] / "docs" / "reproduction"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["check", *map(str, arguments)], prog_name="pyrosnn")


def test_a_result_without_failures() -> None:
    file = REPRODUCTION / "conditions-bnn.nc"
    result = run(file)
    assert result.exit_code == 0, result.output
    lines = result.stdout.strip().splitlines()
    rows = [
        line.split()[:3] for line in lines if line.split()[:1] and line.split()[0] in RESULT_CHECKS
    ]
    assert [row[0] for row in rows] == list(RESULT_CHECKS)
    assert rows[2] == ["attack-strength", "warn", "1"]
    assert lines[-4] == f"{file}: 2 warn, 10 pass, 3 skipped"
    assert lines[-3].startswith("- takes one step (attack-strength, warn): fgm makes one step")
    assert lines[-1] == (
        "Publish only as a loose upper bound of robust accuracy: takes one step; has too few "
        "attack samples."
    )


def trap(folder: Path) -> Path:
    """Write the result of predicted labels, clipped images, one step and few samples."""
    sizes = (1, 10)
    spec = {"labels": "predicted", "clip_judged": True, "strengths": [0.5]}
    tree = planted(
        with_accuracy([0.6, 0.5], images=100),
        cosines=law(sizes, 5.0),
        attack_samples=sizes,
        spec=spec,
        provenance={"bounds": [0.0, 1.0], "image_shape": [1, 8, 8]},
    )
    values = tree[GROUP].dataset
    right = values["attack_correct"] & (values["example"] >= 10)
    norm = values["perturbation_norm"] / 2
    tree[GROUP] = xr.DataTree(values.assign(attack_correct=right, perturbation_norm=norm))
    save_results(folder / "trap.nc", tree)
    return folder / "trap.nc"


REASONS = [
    "attacks predicted labels",
    "judges clipped images",
    "takes one step",
    "has too few attack samples",
]


def test_the_reviewers_trap_is_not_to_be_published(tmp_path: Path) -> None:
    result = run(trap(tmp_path))
    assert result.exit_code == 1
    lines = result.stdout.strip().splitlines()
    assert lines[-1] == f"Do not publish as robust accuracy: {'; '.join(REASONS)}."
    for reason, line in zip(REASONS, lines[-5:-1], strict=True):
        assert line.startswith(f"- {reason} ("), line


def test_several_results_and_json(tmp_path: Path) -> None:
    files = [REPRODUCTION / "conditions-bnn.nc", trap(tmp_path)]
    result = run(*files)
    assert result.exit_code == 1
    sentences = [line for line in result.stdout.splitlines() if " publish" in f" {line.lower()}"]
    assert len(sentences) == 2
    assert result.stdout.index(f"{files[0]}: ") < result.stdout.index(f"{files[1]}: ")
    machine = run("--json", *files)
    assert (machine.exit_code, machine.stderr) == (1, "")
    read = json.loads(machine.stdout)["results"]
    assert [one["file"] for one in read] == [str(file) for file in files]
    assert [one["status"] for one in read] == ["warn", "fail"]
    assert [one["verdict"] for one in read] == sentences
    assert [one["reason"] for one in read[1]["reasons"]] == REASONS
    unreadable = run(*files, "nothing.nc")
    assert (unreadable.exit_code, unreadable.stdout) == (2, "")


def test_a_failed_check_is_exit_status_one(tmp_path: Path) -> None:
    whole = open_results(REPRODUCTION / "conditions-bnn.nc")
    values = whole[GROUP].dataset
    whole[GROUP] = xr.DataTree(values.assign(perturbation_norm=values["perturbation_norm"] / 2))
    save_results(tmp_path / "short.nc", whole)
    result = run(tmp_path / "short.nc")
    assert result.exit_code == 1
    assert "100.0% of the perturbations are shorter than η; the mean is 0.50 η" in result.stdout
    lines = result.stdout.strip().splitlines()
    assert lines[-5].endswith("short.nc: 1 fail, 2 warn, 9 pass, 3 skipped")
    assert lines[-4].startswith("- has perturbations that are not as long as η (perturbation-norm")
    assert lines[-1].startswith("Do not publish as robust accuracy: has perturbations")
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            REPRODUCTION / "ablation-bnn.nc",
            "ablation-bnn.nc: the result of 'ablation' has no group 'evaluation' but ablation",
        ),
        ("nothing.nc", "nothing.nc"),
    ],
)
def test_user_errors_are_one_line(name: str | Path, message: str) -> None:
    result = run(name)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("pyrosnn: ")
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
