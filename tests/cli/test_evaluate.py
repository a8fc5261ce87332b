"""`pyrosnn evaluate` from end to end: files, tables, a verdict, and its exit status."""

from pathlib import Path

import pytest
from support.program import Run

from pyrosnn.results import open_results

SMALL = ("--quick", "--images", "4", "--l2", "0.6", "--attack-samples", "3")


@pytest.mark.slow
def test_it_ends_with_a_verdict_and_a_page(run: Run, checkpoint_path: Path, tmp_path: Path) -> None:
    output = tmp_path / "mine.nc"
    model = ("--model", checkpoint_path, "--output", output)
    result = run("evaluate", *model, *SMALL, "--no-checks")
    assert result.exit_code == 0, result.output
    words = result.stdout.strip().splitlines()
    assert any("of 4 images withstand ℓ2 0.6" in line for line in words[-5:])
    assert any(line.startswith("No bound from below: a certificate takes") for line in words[-4:])
    page = (tmp_path / "mine.html").read_text()
    assert "of 4 images withstand ℓ2 0.6" in page
    assert (tmp_path / "mine.png").exists()
    assert set(open_results(output).children) >= {"standard", "moments", "shown"}
    again = run("evaluate", *model, *SMALL, "--no-checks")
    assert again.exit_code == 2
    assert "exists" in again.stderr
    resumed = run("evaluate", *model, *SMALL, "--no-checks", "--resume")
    assert resumed.exit_code == 0, resumed.output
    assert "nothing was left to do" in resumed.stdout
    report = run("report", output, "--output", tmp_path / "again.html")
    assert report.exit_code == 0, report.output
    checked = run("check", output)
    assert "selection-gap" in checked.stdout


@pytest.mark.slow
def test_a_page_that_exists_is_found_before_the_work(
    run: Run, checkpoint_path: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.html").write_text("a page")
    result = run("evaluate", "--model", checkpoint_path, "--output", tmp_path / "mine.nc", *SMALL)
    assert result.exit_code == 2
    assert "mine.html exists" in result.stderr
    assert (tmp_path / "mine.html").read_text() == "a page"
    assert not (tmp_path / "mine.nc").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("tiny_protocols")
def test_a_model_that_is_averaged_over_noise_has_both_bounds(
    run: Run, checkpoint_path: Path, tmp_path: Path
) -> None:
    words = ("--quick", "--images", "4", "--l2", "0.1", "--no-checks")
    noise = ("--no-diagnosis", "--smoothing-variance", "0.04", "--attack", "fmn")
    model = ("--model", checkpoint_path, "--output", tmp_path / "mine.nc")
    result = run("evaluate", *model, *words, *noise)
    assert result.exit_code == 0, result.output
    assert "pilot" not in result.stderr
    assert "a certificate from below (99.9 % sure for each image)" in result.stdout
    result_of = open_results(tmp_path / "mine.nc")
    assert "certificates" in result_of.children
    assert result_of["standard"].dataset["entry"].values[-1] == "fmn"
    assert "averaged over noise of variance 0.04" in run("summary", tmp_path / "mine.nc").stdout
    compared = run("compare", tmp_path / "mine.nc", tmp_path / "mine.nc")
    assert compared.exit_code == 0, compared.output
    assert "Both results are the same one." in compared.stdout
