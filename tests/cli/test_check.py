"""`pyrosnn check`: its table, its summary line and its exit status."""

from pathlib import Path

import pytest
import xarray as xr
from typer.testing import CliRunner, Result

from pyrosnn.checks import RESULT_CHECKS
from pyrosnn.results import GROUP, open_results, save_results
from pyrosnn_cli.main import app

REPRODUCTION = Path(__file__).parents[2] / "docs" / "reproduction"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["check", *map(str, arguments)], prog_name="pyrosnn")


def test_a_result_that_passes() -> None:
    result = run(REPRODUCTION / "sample-size-bnn.nc")
    assert result.exit_code == 0, result.output
    lines = result.stdout.strip().splitlines()
    rows = [
        line.split()[:3] for line in lines if line.split()[:1] and line.split()[0] in RESULT_CHECKS
    ]
    assert [row[0] for row in rows] == list(RESULT_CHECKS)
    assert rows[2] == ["attack-samples", "pass", "0.998"]
    assert lines[-1] == f"{REPRODUCTION / 'sample-size-bnn.nc'}: 6 pass"


def test_a_failed_check_is_exit_status_one(tmp_path: Path) -> None:
    whole = open_results(REPRODUCTION / "conditions-bnn.nc")
    values = whole[GROUP].dataset
    whole[GROUP] = xr.DataTree(values.assign(perturbation_norm=values["perturbation_norm"] / 2))
    save_results(tmp_path / "short.nc", whole)
    result = run(tmp_path / "short.nc")
    assert result.exit_code == 1
    assert "100.0% of the perturbations are shorter than η; the mean is 0.50 η" in result.stdout
    assert result.stdout.strip().splitlines()[-1].endswith("short.nc: 1 fail, 3 pass, 2 skipped")
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (REPRODUCTION / "ablation-bnn.nc", "has no group 'evaluation' but ablation"),
        ("nothing.nc", "nothing.nc"),
    ],
)
def test_user_errors_are_one_line(name: str | Path, message: str) -> None:
    result = run(name)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("pyrosnn: ")
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
