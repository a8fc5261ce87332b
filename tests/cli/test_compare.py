"""`pyrosnn compare` and P(robust) in `pyrosnn summary`, as a user runs them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.certified import certificates
from support.simulated import law, planted, with_accuracy
from support.standard_result import standard_result
from typer.testing import CliRunner, Result

from pyrosnn.results import make_result, read_spec, save_results
from pyrosnn_cli.main import app

Run = Callable[..., Result]
SIZES = (1, 10, 100)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the program in an empty folder; return its result."""
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments), prog_name="pyrosnn")

    return invoke


def write(name: str, noise_scale: float, level: float, *, repeats: int = 4, **more: Any) -> None:
    """Write a result whose accuracy is level - 0.6 reach, with a little noise over repeats."""
    sizes = more.setdefault("attack_samples", SIZES)
    reach = law(sizes, noise_scale, 1.0)
    correct = np.array(with_accuracy(level - 0.6 * reach, images=400, repeats=repeats))
    for repeat in range(repeats):
        correct[repeat, 390 : 390 + 2 * repeat] = True
    made = {"model": name, **more.pop("provenance", {})}
    result = planted(correct, cosines=0.8 * reach, provenance=made, **more)
    save_results(f"{name}.nc", result)


def cells(output: str, first: str) -> list[list[str]]:
    """Return the rows that begin with a cell."""
    return [line.split() for line in output.splitlines() if line.split()[:1] == [first]]


@pytest.mark.slow
def test_compare_shows_equal_size_equal_reach_and_what_follows(run: Run) -> None:
    write("noisy", 150.0, 0.75)
    write("calm", 5.0, 0.9)
    result = run("compare", "noisy.nc", "calm.nc", "--shares", "0.5,0.9")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(
        "1 noisy: noisy.nc (sample-size; loss cross-entropy, repeats 4)"
    )
    assert "2 calm: calm.nc" in result.stdout
    assert "400 images; dataset simulated, attack fgm, norm l2" in result.stdout
    assert "η = 0.5, S_I = 100" in result.stdout
    at_ten = 0.75 - 0.6 * law([10], 150.0, 1.0)[0] - (0.9 - 0.6 * law([10], 5.0, 1.0)[0])
    (row,) = cells(result.stdout, "10")
    assert float(row[3]) == pytest.approx(100 * at_ten, abs=0.3)
    strength, row = cells(result.stdout, "0.5")
    (largest,) = cells(result.stdout, "100")
    assert strength[1:] == largest[1:]
    assert row[1:3] == ["50", "1.67"]
    assert float(row[5]) == pytest.approx(-15, abs=0.3)
    (row,) = cells(result.stdout, "0.9")
    assert row[1:4] == ["639", ">", "100"]  # the S_A that the noisy one would need
    assert "At the largest common share, 0.6325: 2 calm is more robust, for fresh" in result.stdout
    assert "At equal S_A = 1, 10, 100 it looks the other way round" in result.stdout
    assert "miss the law" not in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 140


@pytest.mark.slow
def test_the_order_turns_the_sign_and_options_reach_the_tables(run: Run) -> None:
    write("noisy", 150.0, 0.75, strengths=(0.5, 1.0))
    write("calm", 5.0, 0.9, strengths=(0.5, 1.0))
    options = ("--strength", "0.5", "--shares", "0.6", "--confidence", "0.9")
    result = run("compare", "calm.nc", "noisy.nc", *options)
    assert result.exit_code == 0, result.output
    (row,) = cells(result.stdout, "0.6")
    assert float(row[5]) == pytest.approx(15, abs=0.3)
    assert "90 %: fresh A, I" in result.stdout
    assert "η = 0.5" in result.stdout
    assert "1 calm is more robust" in result.stdout


@pytest.mark.slow
def test_what_cannot_be_said_is_said(run: Run) -> None:
    write("single", 5.0, 0.9, repeats=1)
    write("same", 5.0, 0.9)
    both = run("compare", "single.nc", "same.nc")
    assert "One repeat: no interval for fresh A, I" in both.stdout
    write("one-size", 5.0, 0.9, attack_samples=(10,))
    no_fit = run("compare", "one-size.nc", "one-size.nc")
    assert no_fit.exit_code == 0, no_fit.output
    assert "No fair comparison, no share is common." in no_fit.stdout
    assert "1 one-size has no fit of its cosines" in no_fit.stdout
    assert "At an equal share" not in no_fit.stdout
    assert "nan" not in no_fit.stdout
    equal = run("compare", "same.nc", "same.nc")
    assert "no difference beyond the intervals" in equal.stdout
    write("quiet", 0.0, 0.9)
    apart = run("compare", "quiet.nc", "same.nc")
    assert "1 quiet has from 1 to 1 of its reachable cosine; 2 same has from 0.4" in apart.stdout


def test_another_attack_is_judged_at_the_largest_size(run: Run) -> None:
    """The cosines of PGD are flat: a fitted law would judge at S_A = 1, the weakest attack."""
    etas, spec = (0.0, 0.2, 0.5), {"attack": "pgd", "attack_options": {"steps": 10}}
    for name, accuracies in (("one", [0.9, 0.6, 0.5]), ("two", [0.6, 0.6, 0.7])):
        correct = np.array(with_accuracy(accuracies, images=100))
        correct[0, 99] = True  # of one repeat
        tree = planted(
            correct, cosines=[0.5] * 3, attack_samples=SIZES, strengths=etas, spec=spec,
            provenance={"model": name},
        )  # fmt: skip
        save_results(f"{name}.nc", tree)
    shown = run("compare", "one.nc", "two.nc").stdout
    assert "Accuracy in %, clean and under attack with S_A = 100" in shown
    assert [cells(shown, first)[0][1:3] for first in ("clean", "0.2", "0.5")] == [
        ["100.0", "100.0"],
        ["50.3", "70.3"],
        ["50.3", "70.3"],
    ]
    assert "Only equal S_A are compared. Equal shares of the reachable cosine are known" in shown
    assert "At the largest common S_A, 100: 2 two is more robust, for fresh images, too." in shown
    assert "share of the reachable" not in shown
    paper = {"labels": "predicted", "clip_judged": True}
    tree = planted(correct, cosines=[0.5] * 3, attack_samples=SIZES, spec=paper)
    save_results("paper.nc", tree)
    titles = [
        line
        for line in run("compare", "paper.nc", "paper.nc").stdout.splitlines()
        if line.endswith("(predicted labels, clipped images judged)")
    ]
    assert len(titles) == 4


def test_where_nothing_was_compared_no_difference_is_claimed(run: Run) -> None:
    correct = with_accuracy([0.9, 0.6])
    for name, sizes in (("few", (1, 10)), ("many", (5, 50))):
        tree = planted(correct, cosines=[0.5, 0.5], attack_samples=sizes, spec={"norm": "linf"})
        save_results(f"{name}.nc", tree)
    shown = run("compare", "few.nc", "many.nc").stdout
    assert "Nothing was compared under attack: the S_A of both are 1, 10 and 5, 50" in shown
    assert "no difference" not in shown
    assert "nan" not in shown
    same = run("compare", "few.nc", "few.nc").stdout
    assert "At the largest common S_A, 10: the difference is +0.0 points, without an inter" in same
    assert "no difference" not in same


def test_cosines_off_the_law_are_pointed_out(run: Run) -> None:
    correct = with_accuracy([0.5, 0.4, 0.3])
    save_results("off.nc", planted(correct, cosines=[0.3, 0.7, 0.8], attack_samples=SIZES))
    save_results("bent.nc", planted(correct, cosines=[0.3, 0.4, 0.8], attack_samples=SIZES))
    result = run("compare", "off.nc", "bent.nc")
    assert "Mean cosines of 2 planted miss the law by up to 0." in result.stdout
    assert "Mean cosines of 1" not in result.stdout
    assert "Run pyrosnn diagnose for both models" in result.stdout
    other = with_accuracy([0.9, 0.8, 0.7])
    save_results("high.nc", planted(other, cosines=[0.3, 0.4, 0.8], attack_samples=SIZES))
    assert "2 planted seems more robust" in run("compare", "off.nc", "high.nc").stdout


@pytest.mark.slow
def test_smoothing_is_told(run: Run) -> None:
    write("noisy", 150.0, 0.75)
    result = planted(with_accuracy([0.5, 0.4, 0.3]), cosines=[0.3, 0.7, 0.8], attack_samples=SIZES)
    spec = {**read_spec(result), "smoothing_variance": 0.05}
    result.attrs["spec"] = json.dumps(spec)
    save_results("smoothed.nc", result)
    found = run("compare", "smoothed.nc", "smoothed.nc").stdout
    assert "1 smoothed planted: smoothed.nc (sample-size; loss cross-entropy" in found
    assert ", averaged over noise of variance 0.05)" in found
    assert ", averaged over noise of variance 0.05" in run("summary", "smoothed.nc").stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a.nc", "none.nc"), "none.nc"),
        (("a.nc", "linf.nc"), "the results differ in 'norm': l2 in the first, linf in the second"),
        (("a.nc", "angles.nc"), "a result of 'gaussian-angles' has no values of attacked images"),
        (("e.nc", "e.nc", "--strength", "3"), "--strength chooses among the strengths of a sweep"),
        (("e.nc", "a.nc"), "a result of 'evaluation' has no values of attacked images"),
        (("a.nc", "a.nc", "--strength", "3"), "strength 3 is not in both results; common are 0.5"),
        (("a.nc", "a.nc", "--shares", "2"), "shares must be between 0 and 1, got 2"),
        (("a.nc", "a.nc", "--shares", "x"), "--shares expects numbers separated by commas"),
        (("a.nc", "a.nc", "--confidence", "95"), "confidence must be between 0 and 1, got 95"),
    ],
    ids=str,
)
def test_refusals_are_one_line(arguments: tuple[str, ...], message: str, run: Run) -> None:
    if "a.nc" in arguments:
        write("a", 5.0, 0.9)
    if "linf.nc" in arguments:
        write("linf", 5.0, 0.9, spec={"norm": "linf"})
    names = ("angle", "angle_error", "cosine_first_order", "cosine_second_order")
    dims = ("mean_scale", "variance_scale")
    angles = {name: (dims, np.zeros((1, 1))) for name in names}
    import xarray as xr

    tree = make_result(
        xr.Dataset(angles, {dim: [1.0] for dim in dims}),
        study="gaussian-angles",
        spec={},
        provenance={},
        group="angles",
    )
    if "angles.nc" in arguments:
        save_results("angles.nc", tree)
    if "e.nc" in arguments:
        save_results("e.nc", standard_result(5))
    result = run("compare", *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("pyrosnn: ")
    assert message in line


def test_summary_has_the_probability_from_two_repeats_on(run: Run) -> None:
    write("four", 5.0, 0.9, strengths=(0.5, 1.0))
    shown = run("summary", "four.nc", "--strength", "0.5")
    assert shown.exit_code == 0, shown.output
    title = "P(robust) in % at η = 0.5: probability over fresh A and I, mean over images"
    assert title in shown.stdout
    assert "measured: attack fails   linear theory: condition holds" in shown.stdout
    table = shown.stdout[shown.stdout.index(title) :]
    (row,) = cells(table, "10")
    # 0.9 - 0.6 / sqrt(1.5), and 0, 2, 4 or 6 more of 400 images
    mean = 100 * (np.round(400 * (0.9 - 0.6 / 1.5**0.5)) + 3) / 400
    assert row[2] == row[5] == f"{mean:.1f}"
    assert row[3].startswith("[")
    write("one", 5.0, 0.9, repeats=1)
    assert "P(robust)" not in run("summary", "one.nc").stdout


def test_evaluations_are_compared_between_both_bounds(run: Run) -> None:
    first, second = (standard_result(80, certified=kind, model=name) for kind, name in
                     ((True, "one"), (True, "two")))  # fmt: skip
    values = second["standard"].to_dataset()
    strong = values["archive_correct"] & (values["example"] >= 70)
    second["standard"] = values.assign(archive_correct=strong)
    save_results("one.nc", first)
    save_results("two.nc", second)
    result = run("compare", "one.nc", "two.nc")
    assert result.exit_code == 0, result.output
    shown = " ".join(result.stdout.split())
    assert "1 one: one.nc (evaluation; attack_samples 20" in shown
    assert "protocol standard-1, alpha 0.001" in shown
    assert "Of 80 images, those that are right in %" in shown
    assert "any attack, by certificate" in shown
    assert "Under ℓ2 1.5, all attacks: 1 one is more robust, for fresh images, too." in shown
    assert "Under ℓ2 1.5, whatever the attack: 1 one withstands at least" in shown
    assert "S_A = " not in shown
    other = standard_result(80, model="three")
    other.attrs["spec"] = json.dumps({**read_spec(other), "attack_samples": 100})
    save_results("none.nc", other)
    missing = run("compare", "one.nc", "none.nc").stdout
    assert "2 three has no certificate: only what attacks leave is compared." in missing
    assert "by certificate" not in missing
    assert "The attacks have S_A = 20 and 100" in missing


def test_certificates_are_compared_at_each_radius(run: Run) -> None:
    save_results("far.nc", certificates(np.repeat([2.0, np.nan], [30, 10]), model="far"))
    near = certificates(np.repeat([0.7, np.nan], [20, 20]), model="near", num_samples=500)
    save_results("near.nc", near)
    result = run("compare", "far.nc", "near.nc", "--format", "json")
    assert result.exit_code == 0, result.output
    shown = run("compare", "far.nc", "near.nc").stdout
    rows = [row for first in ("0.5", "1") for row in cells(shown, first)]
    assert [row[1:5] for row in rows if row[1] == "margin"] == [
        ["margin", "75.0", "50.0", "+25.0"],
        ["margin", "75.0", "0.0", "+75.0"],
    ]
    assert (
        "Beyond 0.5, by margin: 1 far is certified on more images, for fresh images, too." in shown
    )
    assert "Certificates of 1,000 and 500 draws: more draws certify more." in shown
    assert "σ = " not in shown
