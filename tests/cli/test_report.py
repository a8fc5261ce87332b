"""`pyrosnn report`: one page of any result, which runs and downloads nothing."""

import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from support.html import check_page
from support.program import Run, refused
from support.small_result import small_result
from support.standard_result import standard_result

from pyrosnn.data import load_dataset
from pyrosnn.results import make_dataset, save_results

REPRODUCTION = Path(__file__).parents[2] / "docs" / "reproduction"


@pytest.mark.slow
def test_a_standard_evaluation_is_a_page(run: Run, tmp_path: Path) -> None:
    save_results(tmp_path / "a.nc", standard_result(40))
    made = run("report", "a.nc")
    assert made.exit_code == 0, made.output
    assert made.stdout == "wrote a.html\n"
    page = check_page((tmp_path / "a.html").read_text("utf-8"))
    sections = [one.text for one in page.all("h2")]
    assert sections == [
        *("Result", "Figure", "Why", "Checks", "Images", "Settings"),
        *("Versions and digests", "Repeat it"),
    ]
    (verdict,) = page.all("div", where=lambda one: one.attrs.get("id") == "verdict")
    assert verdict.attrs["class"] == "verdict warn"
    said = verdict.text.replace("\xa0", " ")
    assert "of 40 images withstand ℓ∞ 0.1; without attack" in said
    assert "an attacker with 100 queries leaves" in said
    assert "No check failed (1 of 9 skipped); 1 warned: more-steps." in said
    assert {one.text for one in page.all("h3")} == {
        f"{threat}: {what}" for threat in ("ℓ∞ 0.1", "ℓ2 1.5") for what in ("withstood", "fell")
    }
    refused(run("report", "a.nc"), "a.html exists; add --overwrite")
    assert run("report", "a.nc", "--overwrite").exit_code == 0


@pytest.mark.slow
def test_images_of_the_data_set_are_shown_if_they_are_the_results(run: Run, tmp_path: Path) -> None:
    digest = load_dataset("digits").digest
    for name, own in (("own.nc", digest), ("other.nc", "b" * 64)):
        save_results(tmp_path / name, small_result(dataset_digest=own, bounds=[0.0, 1.0]))
        made = run("report", name)
        assert made.exit_code == 0, made.output
    pages = {name: (tmp_path / f"{name}.html").read_text("utf-8") for name in ("own", "other")}
    galleries = {name: check_page(page).all("h3") for name, page in pages.items()}
    assert [one.text for one in galleries["own"]] == ["η = 0.5: withstood", "η = 0.5: fell"]
    assert galleries["other"] == []
    assert "The images of digits are not those of the result" in pages["other"]
    assert "pyrosnn study run --like own.nc --model MODEL --output own-again.nc" in pages["own"]
    assert "2 checks failed: perturbation-norm, zero-gradients" in pages["own"]


@pytest.mark.slow
def test_a_file_names_nothing_that_is_run_or_downloaded(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A result may come from anybody; only the user's own words call a function."""
    (tmp_path / "trap.py").write_text("open('ran', 'w').close()\ndef data():\n    return 1\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    hostile = small_result(dataset="mine", dataset_source="trap:data")
    save_results(tmp_path / "a.nc", hostile)
    assert run("report", "a.nc").exit_code == 0
    assert not (tmp_path / "ran").exists()
    assert "add --dataset trap:data" in (tmp_path / "a.html").read_text("utf-8")
    asked = run("report", "a.nc", "--overwrite", "--dataset", "trap:data")
    assert asked.exit_code == 0, asked.output
    assert (tmp_path / "ran").exists()  # the trap works
    assert "trap:data returned a int, expected" in (tmp_path / "a.html").read_text("utf-8")
    save_results(tmp_path / "b.nc", small_result(dataset="cifar10"))
    assert run("report", "b.nc", "--data-root", tmp_path).exit_code == 0
    assert "add --dataset cifar10" in (tmp_path / "b.html").read_text("utf-8")


@pytest.mark.slow
def test_hostile_names_in_a_result_are_texts(run: Run, tmp_path: Path) -> None:
    hostile = "<script>alert('x')</script>"
    result = small_result(model=hostile, dataset=f'"{hostile}', device=hostile)
    findings = {
        "check_status": np.array([hostile, "fail"]),
        "check_value": np.array([0.5, 1.0]),
        "check_message": np.array([hostile, hostile]),
    }
    checks = make_dataset(findings, {"check": [hostile, "logits"]})
    result["checks"] = xr.DataTree(checks)
    save_results(tmp_path / "a.nc", result)
    made = run("report", "a.nc")
    assert made.exit_code == 0, made.output
    content = (tmp_path / "a.html").read_text("utf-8")
    assert "<script" not in content
    page = check_page(content)
    assert [one.text for one in page.all("h1")] == [f'{hostile} on "{hostile}']
    (verdict,) = page.all("div", where=lambda one: one.attrs.get("id") == "verdict")
    assert verdict.attrs["class"] == "verdict fail"


@pytest.mark.slow
def test_every_kind_of_study_has_a_report(run: Run, tmp_path: Path) -> None:
    for name in ("prediction-variance-im", "ablation-im", "gaussian-angles"):
        made = run("report", REPRODUCTION / f"{name}.nc", "--output", f"{name}.html")
        assert made.exit_code == 0, made.output
        page = check_page((tmp_path / f"{name}.html").read_text("utf-8"))
        assert page.all("table")
        (figure,) = page.all("img")
        assert "Figure of the study" in str(figure.attrs["alt"])


def test_what_is_refused(run: Run, tmp_path: Path) -> None:
    refused(run("report", "missing.nc"), "there is no result file missing.nc")
    save_results(tmp_path / "a.nc", small_result())
    refused(run("report", "a.nc", "--output", "a.pdf"), "--output must end in .html, got a.pdf")
    refused(run("report", "a.nc", "--output", "no/a.html"), "there is no folder no; make it first")
    assert not list(tmp_path.glob("*.html"))
