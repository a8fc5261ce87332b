"""Checks of results of the standard protocol, and findings that are stored with them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from pyrosnn.adapters import all_members
from pyrosnn.attacks import PGD
from pyrosnn.checks import STANDARD_CHECKS, Finding
from pyrosnn.checks.attack_strength import attack_strength
from pyrosnn.checks.differences import FAILURE_RATE
from pyrosnn.checks.null_control import null_control
from pyrosnn.checks.on_result import check_result
from pyrosnn.checks.over_images import exceeds
from pyrosnn.checks.selection_gap import selection_gap
from pyrosnn.checks.stored import findings_dataset, stored_findings
from pyrosnn.checks.strength_range import strength_range
from pyrosnn.errors import ArgumentError
from pyrosnn.evaluation import evaluate
from pyrosnn.results import combine_repeats, make_dataset, make_result, open_results, save_results
from pyrosnn.results.schema import GROUPS, VARIABLES
from pyrosnn.summaries.standard import standard_table
from pyrosnn.testing.toy_models import OppositePair

IMAGES, QUERIES = 500, 20
SPEC = {
    "protocol": "standard-1",
    "selection_samples": 50,
    "inference_samples": 50,
    "queries": QUERIES,
}
MADE = {"bounds": [0.0, 1.0], "image_shape": [1, 8, 8], "num_classes": 10}


def result_of(
    rng: np.random.Generator, *, spec: dict[str, Any] | None = None, **shares: float
) -> xr.DataTree:
    """Return a result whose images are correct with given probabilities.

    The same images are the hard ones for all: differences are those of the probabilities.
    """
    hard = rng.random(IMAGES)
    sizes = {"example": IMAGES, "threat": 2, "entry": 2, "perturbation": 3}
    values: dict[str, Any] = {}
    for name in GROUPS["standard"]:
        shape = [sizes[dim] for dim in VARIABLES[name].dims]
        correct = hard < shares.get(name, 0.9)
        values[name] = np.broadcast_to(correct.reshape(-1, *[1] * (len(shape) - 1)), shape)
    for name in ("archive", "random"):
        if f"{name}_selected" not in shares:
            values[f"{name}_selected"] = values[f"{name}_correct"]
    attacked = shares.get("archive_correct", 0.9)
    per_query = [shares.get("query_none", 0.995), 0.9, shares.get("query_archive", attacked)]
    values["queries_correct"] = rng.binomial(QUERIES, per_query, size=(IMAGES, 2, 3))
    coords = {
        "example": np.arange(IMAGES),
        "label": np.arange(IMAGES) % 10,
        "threat": ["linf 0.1", "l2 1.5"],
        "threat_norm": ["linf", "l2"],
        "threat_strength": [0.1, 1.5],
        "entry": ["pgd", "apgd"],
        "perturbation": ["none", "random", "archive"],
    }
    dataset = make_dataset(values, coords)
    used = SPEC if spec is None else spec
    return make_result(dataset, study="mine", spec=used, provenance=MADE, group="standard")


def test_a_result_of_the_protocol_has_its_checks() -> None:
    found = check_result(result_of(np.random.default_rng(0), archive_correct=0.4))
    assert [finding.name for finding in found] == list(STANDARD_CHECKS)
    assert {finding.status for finding in found} == {"pass"}


def test_a_quick_look_and_threats_in_another_unit_are_named() -> None:
    result = result_of(np.random.default_rng(0), spec={"protocol": "quick-1"})
    found = attack_strength(result)
    assert (found.status, found.reason) == ("warn", "has few images and steps")
    assert attack_strength(result_of(np.random.default_rng(0), spec={})).status == "skipped"
    made = {**MADE, "bounds": [0, 255]}
    values = result["standard"].dataset
    tree = make_result(values, study="mine", spec=SPEC, provenance=made, group="standard")
    assert strength_range(tree).status == "fail"
    unnamed = values.drop_vars(["threat_norm", "threat_strength"])
    tree = make_result(unnamed, study="mine", spec=SPEC, provenance=made, group="standard")
    assert strength_range(tree).status == "skipped"


@pytest.mark.parametrize(
    ("on_v", "on_i", "status", "says"),
    [
        (0.4, 0.5, "fail", "the archive fits V; take more selection samples"),
        (0.4, 0.42, "pass", ""),
        (0.5, 0.4, "fail", "I finds the archive worse than V, which chose it"),
    ],
)
def test_a_gap_is_judged_by_its_width(on_v: float, on_i: float, status: str, says: str) -> None:
    result = result_of(np.random.default_rng(0), archive_selected=on_v, archive_correct=on_i)
    finding = selection_gap(result)
    assert finding.status == status
    assert finding.value == pytest.approx(on_v - on_i, abs=0.02)
    assert says in finding.message
    if on_v > on_i:  # V and I of other sizes may differ so
        result.attrs["spec"] = result.attrs["spec"].replace('"selection_samples": 50', '"x": 1')
        assert selection_gap(result).status == "pass"


def test_an_archive_that_fits_v_completely_fails() -> None:
    """All differences are the same, and their spread is 0."""
    result = result_of(np.random.default_rng(0), archive_correct=1.0, archive_selected=0.0)
    finding = selection_gap(result)
    assert (finding.status, finding.value) == ("fail", -1.0)


@pytest.mark.parametrize("repeats", [1, 3])
def test_the_interval_of_a_gap_is_that_of_the_tables(repeats: int) -> None:
    """Of few images Student's t is far from the normal law, and none leaves what is possible."""
    parts = [
        result_of(np.random.default_rng(seed), archive_selected=0.4, archive_correct=0.7)
        for seed in range(repeats)
    ]
    few = [part["standard"].dataset.isel(example=slice(6)) for part in parts]
    joined = few[0] if repeats == 1 else combine_repeats(few)
    tree = make_result(joined, study="mine", spec=SPEC, provenance=MADE, group="standard")
    row = standard_table(tree).iloc[0]
    assert row["selection_gap_low"] >= -1
    mean, low, high = (row[f"selection_gap{end}"] for end in ("", "_low", "_high"))
    says = f"accuracy on V minus on I is {mean:+.3f} [{low:+.3f}, {high:+.3f}] (linf 0.1)"
    assert selection_gap(tree).message.startswith(says)


def test_the_gap_of_one_image_has_no_spread() -> None:
    result = result_of(np.random.default_rng(0)).isel(example=slice(1))
    finding = selection_gap(result)
    assert finding.message.startswith("accuracy on V minus on I is +0.000 (")


@pytest.mark.parametrize(
    ("random", "archive", "status"), [(0.88, 0.3, "pass"), (0.5, 0.3, "warn"), (0.32, 0.3, "fail")]
)
def test_random_perturbations_take_a_share(random: float, archive: float, status: str) -> None:
    shares: dict[str, Any] = {"random_correct": random, "archive_correct": archive}
    finding = null_control(result_of(np.random.default_rng(0), **shares))
    assert finding.status == status
    assert finding.value == pytest.approx((0.9 - random) / (0.9 - archive), abs=0.08)


def test_queries_that_break_without_an_attack_warn() -> None:
    """The null model: each query errs with probability 0.1, whatever δ is."""
    shares: dict[str, Any] = {"random_correct": 0.9, "archive_correct": 0.5, "query_none": 0.9}
    finding = null_control(result_of(np.random.default_rng(0), **shares, query_archive=0.88))
    assert finding.status == "warn"
    assert "they break without any δ" in finding.message
    # 0.9^10 of the images withstand ten queries
    assert "withstand 10 queries at δ = 0" in finding.message
    shown = float(finding.message.split("; ")[-1].split("%")[0])
    assert shown == pytest.approx(100 * 0.9**10, abs=6)  # three standard errors
    few = result_of(np.random.default_rng(0), spec={"queries": 5}, **shares)
    assert "queries" not in null_control(few).message


@pytest.mark.statistical
def test_false_alarms_are_at_most_as_frequent_as_stated() -> None:
    """2,000 results of two threats at the limit itself: a gap of 0.02 in the mean.

    At most the rate plus four of its standard errors.
    """
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(2000):
        drawn = rng.random((IMAGES, 2))
        gap = xr.DataArray(
            (drawn < 0.06).astype(float) - (drawn > 0.96), dims=("example", "threat")
        )
        alarms += bool(exceeds(gap, 0.02).any())
    assert 0 < alarms < 2000 * FAILURE_RATE + 4 * np.sqrt(2000 * FAILURE_RATE)


FOUND = [
    Finding(name="replay", status="pass", value=1e-7, message="logits change by 1e-07"),
    Finding(name="null-control", status="fail", value=0.5, message="of an older version"),
    Finding(name="logits", status="skipped", value=None, message="needs ‖δ‖"),
]


def test_stored_findings_come_back_from_a_file(tmp_path: Path) -> None:
    result = result_of(np.random.default_rng(0), archive_correct=0.4)
    whole = make_result(
        result["standard"].dataset, study="mine", spec=SPEC, provenance={}, group="standard",
        others={"checks": findings_dataset(FOUND)},
    )  # fmt: skip
    save_results(tmp_path / "a.nc", whole)
    again = open_results(tmp_path / "a.nc")
    assert stored_findings(again) == FOUND
    # what the values themselves tell comes first, and once
    found = check_result(again)
    assert [f.name for f in found] == [*STANDARD_CHECKS, "replay", "logits"]
    assert next(f for f in found if f.name == "null-control").status == "pass"
    alone = make_result(
        findings_dataset(FOUND), study="mine", spec={}, provenance={}, group="checks"
    )
    assert check_result(alone) == FOUND
    assert stored_findings(result) == []


def test_findings_that_cannot_be_stored_are_refused() -> None:
    with pytest.raises(ArgumentError, match="got no findings"):
        findings_dataset([])
    with pytest.raises(ArgumentError, match="two findings of one check: replay, replay"):
        findings_dataset([FOUND[0], FOUND[0]])


def test_opposite_networks_hide_from_the_mean_gradient_and_the_check_says_so() -> None:
    """The mean of both networks has no gradient, although each of them has one."""
    classifier = OppositePair(torch.tensor([3.0, 4.0]), 1.0)
    x, y = torch.randn(12, 2), torch.zeros(12, dtype=torch.long)
    attack_set, inference_set = (
        all_members(classifier, stream=stream) for stream in ("attack", "inference")
    )
    values = evaluate(
        classifier,
        x,
        y,
        attack=PGD(strength=0.5, steps=4, relative_step=0.5, fixed_samples=True),
        attack_samples=attack_set,
        inference_samples=inference_set,
    )
    assert values["zero_gradient"].all()
    found = {finding.name: finding.status for finding in check_result(values)}
    assert found["zero-gradients"] == "fail"
