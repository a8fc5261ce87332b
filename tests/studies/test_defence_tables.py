"""The tables of the defences, from made-up results, and the list of runs for the real ones."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from support.standard_result import standard_result

from pyrosnn.models import find_row
from pyrosnn.results import open_results, read_spec, save_results
from pyrosnn.statistics import robust_at
from pyrosnn.summaries.standard import num_queries, standard_of
from pyrosnn_studies.listing import read_jobs
from reproduction.defence_figure import defence_figure
from reproduction.defences import (
    DEFENCE_TABLES,
    DEFENCES,
    ENSEMBLES,
    PLAIN,
    SEEDS,
    again,
    bought,
    defences,
    on_cifar10,
    shares,
    transferred,
)
from reproduction.page import filled, open_folder, table_names
from reproduction.slim import slim

ROOT = Path(__file__).parents[2]
LIST, PAGE = ROOT / "reproduction" / "defences.toml", ROOT / "docs" / "defences"
ON_CIFAR10 = ROOT / "reproduction" / "defences-cifar10.toml"


# Values of their networks have no bounds.
UNBOUNDED = {"se-snn", "flss", "resize-pad", "bart-lite"}


@pytest.fixture(scope="module")
def results() -> dict[str, xr.DataTree]:
    """Both models have the same values, so that nothing was bought; one has two trainings."""
    one = standard_result(40)
    return {PLAIN: one, "rse": one, "rse-seed1": one, "bnn": one}


def test_each_defence_has_its_shares(results: dict[str, xr.DataTree]) -> None:
    header, rows = defences(results)
    assert [row[0] for row in rows] == [DEFENCES[name][0] for name in (PLAIN, "rse", "bnn")]
    values = results[PLAIN]["standard"].dataset.isel(threat=0)
    for row in rows:
        cells = dict(zip(header, row, strict=True))
        for column, name in (("clean", "unattacked"), ("all attacks", "archive")):
            share = 100 * float(values[f"{name}_correct"].mean())
            assert cells[column].split()[0] == f"{share:.1f}"
        assert cells["FGM, S_A = 1"] == cells["certified"] == ""  # no such files


def test_columns_of_other_files_are_theirs(results: dict[str, xr.DataTree]) -> None:
    """Of 40 images one step leaves 30, and at the largest of two strengths 10 are proved."""
    dims = ("repeat", "strength", "attack_samples", "inference_samples", "example")
    correct = xr.Dataset(
        {"adversarial_correct": (dims, (np.arange(40) < 30).reshape(1, 1, 1, 1, 40))}
    )
    proved = xr.Dataset({"verified": (("strength", "example"), np.arange(40) < [[20], [10]])})
    others = {
        "rse-fgm": xr.DataTree(children={"evaluation": xr.DataTree(correct)}),
        "rse-verified": xr.DataTree(children={"verification": xr.DataTree(proved)}),
    }
    found = shares({**results, **others}, "rse")
    assert (found["FGM, S_A = 1"].value, found["verified"].value) == (75.0, 25.0)
    values = standard_of(results["rse"]).isel(threat=0)
    number = num_queries(results["rse"])
    assert number == 100
    for column, perturbation in (("clean@100", "none"), ("robust@100", "archive")):
        all_right = values["queries_correct"].sel(perturbation=perturbation) == number
        assert found[column].value == pytest.approx(100 * float(all_right.mean()))
    assert found["noise off"].value == 100 * float(values["noise_free_correct"].mean())
    first = values["entry_correct"].sel(entry="apgd-ce")
    assert found["APGD alone"].value == pytest.approx(100 * float(first.mean()))


def test_the_figure_has_the_most_robust_at_the_top(results: dict[str, xr.DataTree]) -> None:
    """One model with an attack that left nothing is at the bottom, the others above."""
    broken = results[PLAIN].copy(deep=True)
    correct = broken["standard"].dataset["archive_correct"]
    broken["standard"] = xr.DataTree(
        broken["standard"].to_dataset().assign(archive_correct=correct & False)
    )
    figure = defence_figure({**results, "im": broken})
    (axis,) = figure.axes
    labels = [label.get_text() for label in axis.get_yticklabels()]
    assert labels[0] == DEFENCES["im"][0]
    assert set(labels) == {DEFENCES[name][0] for name in (PLAIN, "rse", "bnn", "im")}
    marks = next(line for line in axis.lines if line.get_label() == "all attacks")
    heights = np.asarray(marks.get_xdata()).tolist()
    assert heights == sorted(heights)
    assert heights[0] == 0 < heights[1]


@pytest.fixture(scope="module")
def published() -> dict[str, xr.DataTree]:
    return open_folder(PAGE)


@pytest.mark.processes
def test_the_page_is_what_its_files_give(published: dict[str, xr.DataTree]) -> None:
    text = (PAGE / "index.md").read_text("utf-8")
    assert sorted(table_names(text)) == sorted(DEFENCE_TABLES)
    assert filled(text, published) == text
    assert sum(path.stat().st_size for path in PAGE.glob("*.nc")) <= 8_000_000
    listed = {name for path in (LIST, ON_CIFAR10) for name in read_jobs(path)[1]}
    # a second evaluation of this one takes hours, and need not be there
    assert listed - {"bart-lite-seed1"} <= set(published) <= listed


@pytest.mark.processes
def test_what_the_page_says_in_a_minute_is_so(published: dict[str, xr.DataTree]) -> None:
    """Sentences that name rows and numbers, which nobody fills in."""
    text = " ".join((PAGE / "index.md").read_text("utf-8").split())
    trained = [n for name in DEFENCES for seed in SEEDS if (n := f"{name}{seed}") in published]
    found = {name: {k: v.value for k, v in shares(published, name).items()} for name in trained}

    strong = {"adversarial", "trades", "flss", "pni", "l2p", "adv-bnn"}
    penalised = {"trs", "drt", "input-gradient"}
    named = {f"{name}{seed}" for name in strong | penalised for seed in SEEDS}
    assert {name for name, of in found.items() if of["all attacks"] >= 74} == named
    of_plain = [found[f"{PLAIN}{seed}"]["all attacks"] for seed in SEEDS]
    assert "without a defence leaves {:.1f} and {:.1f} %".format(*of_plain) in text

    lost = {
        name: [found[f"{PLAIN}{seed}"]["clean"] - found[f"{name}{seed}"]["clean"] for seed in SEEDS]
        for name in strong | penalised
    }
    (least, second), (most, other) = (
        [choose(lost[name][seed] for name in strong) for seed in (0, 1)] for choose in (min, max)
    )
    assert f"{least:.1f} to {most:.0f} points less than it in the first training" in text
    assert f"from {other:.1f} less to {-second:.0f} more in the second" in text
    small = [lost[name][0] for name in penalised]
    assert f"the input-gradient penalty {min(small):.1f} to {max(small):.0f} less" in text

    changes = [of["noise off"] - of["all attacks"] for of in found.values() if "noise off" in of]
    assert f"changes little:** {np.abs(changes).max():.0f} points at most" in text
    gaps = {n: found[n]["FGM, S_A = 1"] - found[n]["all attacks"] for n in DEFENCES}
    assert min(gaps.values()) > 0
    gal = [gaps.pop(name) for name in ("gal-light", "gal")]
    far = {name: gap for name, gap in gaps.items() if gap > 8.6}
    assert set(far) == {"bnn", "im", "grad-div", "diverse-directions", "ensemble"}
    assert f"By {gaps[PLAIN]:.0f} points for the network without a defence" in text
    assert f"by {min(far.values()):.0f} to {max(far.values()):.1f} for" in text
    assert "by {:.1f} and {:.1f} for GAL".format(*gal) in text

    proved = {n: of["verified"] for n, of in found.items() if "verified" in of}
    first = [proved.pop(name) for name in ("adversarial", "trades", "l2p")]
    assert f"on {min(first):.1f} to {max(first):.1f} % of the images" in text
    names = ("adv-bnn", "pni", "drt", "trs", "input-gradient")
    assert (
        "on {:.1f} % for Adv-BNN. PNI has {:.1f} %, DRT, TRS and the input-gradient penalty "
        "{:.1f}, {:.1f} and {:.1f} %"
    ).format(*(proved.pop(name) for name in names)) in text
    others = f"{min(proved.values()):.0f} to {max(proved.values()):.1f} %"
    assert f"the other rows with bounds {others}" in text


def test_what_transfers_is_beside_all_attacks(results: dict[str, xr.DataTree]) -> None:
    """Of 40 images, 30 and then 36 withstand what was found on another network."""
    one = results[PLAIN]
    dims = ("repeat", "strength", "attack_samples", "inference_samples", "example")

    def transfer(number: int) -> xr.DataTree:
        correct = (np.arange(40) < number).reshape(1, 1, 1, 1, 40)
        values = xr.Dataset({"adversarial_correct": (dims, correct)})
        return xr.DataTree(children={"evaluation": xr.DataTree(values)})

    found = {"ensemble": one, "ensemble-transfer": transfer(30)}
    found |= {"gal": one, "gal-transfer": transfer(36), "trs": one}
    _, (first, second) = transferred(found)
    of_all = 100 * float(one["standard"].dataset["archive_correct"].isel(threat=0).mean())
    assert [row[0] for row in (first, second)] == [
        DEFENCES[name][0] for name in ("ensemble", "gal")
    ]
    assert first[1].startswith("75.0 ")
    assert second[1].startswith("90.0 ")
    assert first[2] == first[3] == second[3] == ""
    assert second[2].startswith("+15.0 ")
    assert second[4].startswith(f"{of_all:.1f} ")
    found |= {"ensemble-seed1-transfer": transfer(30), "gal-seed1-transfer": transfer(28)}
    _, (_, second) = transferred(found)
    assert second[3].startswith("-5.0 ")
    del found["ensemble-transfer"]  # no other row is what changes are against
    _, (alone,) = transferred(found)
    assert alone[2] == ""


def test_second_trainings_lose_their_diagnosis_alone(tmp_path: Path) -> None:
    """Once: what all tables read stays, and the first training is as it was."""
    stored = open_results(PAGE / "rse.nc")
    for name in ("rse.nc", "rse-seed1.nc"):
        save_results(tmp_path / name, stored)
    first = (tmp_path / "rse.nc").read_bytes()
    assert slim(tmp_path) == ["rse-seed1.nc"]
    assert slim(tmp_path) == []
    assert (tmp_path / "rse.nc").read_bytes() == first
    second = open_results(tmp_path / "rse-seed1.nc")
    assert set(stored.children) - set(second.children) == {"moments"}
    assert second.attrs["compact"].endswith(", no diagnosis")
    assert second["standard"].to_dataset().identical(stored["standard"].to_dataset())


def test_what_equal_models_bought_is_nothing(results: dict[str, xr.DataTree]) -> None:
    header, rows = bought(results)
    assert [row[0] for row in rows] == [DEFENCES[name][0] for name in ("rse", "bnn")]
    for row in rows:
        cells = dict(zip(header, row, strict=True))
        assert cells["against"] == DEFENCES[PLAIN][0]
        for column in ("change, points", "margin", "gradient", "angle", "rest", "robust@100"):
            assert float(cells[column].split()[0]) == 0, column


def test_what_shorter_gradients_bought_is_in_their_column(
    results: dict[str, xr.DataTree],
) -> None:
    """No image is judged otherwise, so that the rest takes back what the lengths gain."""
    shorter = results["rse"].copy(deep=True)
    values = shorter["standard"].to_dataset()
    half = {"archive_gradient_norm": values["archive_gradient_norm"] / 2}
    shorter["standard"] = xr.DataTree(values.assign(half))
    header, (row, _) = bought({**results, "rse": shorter})
    found = {name: cell.split()[0] for name, cell in zip(header, row, strict=True) if cell}
    gained = float(found["gradient"])
    assert gained > 0
    assert float(found["rest"]) == -gained
    assert {float(found[name]) for name in ("change, points", "margin", "angle")} == {0.0}


def test_another_training_is_beside_the_first(results: dict[str, xr.DataTree]) -> None:
    """The second training of one withstands on half of the images, and the other is not there."""
    half = results["rse"].copy(deep=True)
    values = half["standard"].to_dataset()
    of_all = values["archive_correct"]
    even = (values["example"] % 2 == 0).broadcast_like(of_all).transpose(*of_all.dims)
    half["standard"] = xr.DataTree(values.assign(archive_correct=of_all.copy(data=even.values)))
    header, rows = again({**results, "rse-seed1": half, f"{PLAIN}-seed1": results[PLAIN]})
    first = 100 * float(of_all.isel(threat=0).mean())
    assert header[:3] == ["defence", "all attacks", "again"]
    assert rows[0] == [DEFENCES[PLAIN][0], f"{first:.1f}", f"{first:.1f}", "", "", "", ""]
    *of_rse, same, less, both = rows[1]
    assert of_rse == ["RSE", f"{first:.1f}", "50.0", DEFENCES[PLAIN][0]]
    assert [cell.split()[0] for cell in (same, less)] == ["+0.0", f"{50 - first:+.1f}"]
    pooled = abs(50 - first) / 2  # of two rows, one of which does not differ
    assert both == f"{(50 - first) / 2:+.1f} ± {4.3027 * pooled:.1f}"  # t with 2 degrees of freedom
    assert rows[2:] == [["standard deviation, pooled", f"{pooled:.1f}", *[""] * 5]]


def test_the_list_has_two_trainings_of_each_and_their_studies() -> None:
    trained, studies = read_jobs(LIST)
    assert set(trained) == {f"{name}{seed}" for name in DEFENCES for seed in SEEDS}
    bounded = {f"{name}-certificates" for name in ("image-noise", "rse")}
    bounded |= {f"{name}-verified" for name in set(DEFENCES) - UNBOUNDED}
    bounded |= {f"{name}{seed}-transfer" for name in ENSEMBLES for seed in SEEDS}
    assert set(studies) == {*trained, *(f"{name}-fgm" for name in DEFENCES), *bounded}
    for name, job in studies.items():
        assert job.model is trained[re.sub("-(fgm|certificates|verified|transfer)$", "", name)]
    for name, (_, baseline) in DEFENCES.items():
        assert baseline in {"", *DEFENCES}
        assert name != baseline
        one, other = trained[name], trained[f"{name}-seed1"]
        assert (other.model, other.settings) == (one.model, {**one.settings, "seed": 1})
        assert studies[name].settings == studies[f"{name}-seed1"].settings
    strength = {"evaluation": "linf", "sample-size": "strengths", "verification": "strengths"}
    for job in studies.values():
        if job.study in strength:
            assert np.ravel(job.settings[strength[job.study]])[-1] == "8/255"


def test_on_cifar10_a_few_are_judged_by_as_many_queries_as_there_are(
    results: dict[str, xr.DataTree],
) -> None:
    trained, studies = read_jobs(ON_CIFAR10)
    assert set(studies) == {f"cifar10-{name}" for name in trained}
    assert {PLAIN, "adversarial"} < set(trained) < set(DEFENCES)
    few = results[PLAIN].copy(deep=True)
    few.attrs["spec"] = json.dumps({**read_spec(few), "queries": 10})
    counts = few["standard"].dataset["queries_correct"]
    values = few["standard"].to_dataset().assign(queries_correct=counts // 10)
    few["standard"] = xr.DataTree(values)
    header, (row,) = on_cifar10({"cifar10-rse": few})
    cells = dict(zip(header, row, strict=True))
    assert cells["defence"] == "RSE"
    of_all = robust_at((counts // 10).sel(perturbation="archive").isel(threat=0).values, 10, 10)
    assert cells["robust@10"].split()[0] == f"{100 * of_all.mean():.1f}"


def test_all_models_of_the_list_have_probabilities() -> None:
    """Margins and gradients of logits have another unit, and explain would compare both."""
    trained, _ = read_jobs(LIST)
    assert {find_row(job.model).output for job in trained.values()} == {"probs"}
