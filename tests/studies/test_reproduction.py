"""The reproduction's files: complete, small, what the page says, and the paper's four claims."""

import re
import subprocess
import tomllib
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from pyrosnn.errors import FileError
from pyrosnn.results import make_result, read_provenance, read_spec
from pyrosnn.summaries import accuracies
from pyrosnn_studies.presets import preset_settings
from reproduction.cells import paper
from reproduction.cifar import CIFAR_TABLES
from reproduction.claims import (
    STRENGTH,
    Claim,
    all_claims,
    cosine_below_one,
    inference_samples_do_not_matter,
    limit_cosines,
    more_attack_samples,
    variance_protects,
)
from reproduction.defences import DEFENCE_TABLES
from reproduction.page import filled, open_folder, open_page, table_names
from reproduction.tables import TABLES
from reproduction.trainings import SEEDS, TITLES, of_trainings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "reproduction"


@pytest.fixture(scope="module")
def results() -> dict[str, xr.DataTree]:
    return open_folder(FOLDER)


@pytest.fixture(scope="module")
def claims(results: dict[str, xr.DataTree]) -> list[Claim]:
    return all_claims(results)


def test_the_files_are_small() -> None:
    for folder, size in ((FOLDER, 6_000_000), (FOLDER / "trainings", 3_000_000)):
        assert sum(path.stat().st_size for path in folder.glob("*.nc")) <= size


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "folder"), [("fashion-mnist", "."), ("trainings", "trainings"), ("cifar10", "cifar")]
)
def test_every_run_is_listed_with_its_model(file: str, folder: str) -> None:
    runs = tomllib.loads((ROOT / "reproduction" / f"{file}.toml").read_text("utf-8"))
    assert (ROOT / runs["results"]).samefile(FOLDER / folder)
    results = open_folder(FOLDER / folder)
    assert set(runs["study"]) == set(results)
    for name, changes in runs["study"].items():
        settings = {**runs["defaults"]["study"], **changes}
        assert settings["study"] == results[name].attrs["study"]
        trained = runs["train"].get(settings.get("model"), {})
        training = {**runs["defaults"]["train"], **trained}
        made = read_provenance(results[name])
        assert made.get("model") == training.get("model")
        of_training = made.get("training") or {}
        of_training = {**of_training, **of_training.get("options", {})}
        for asked, known in ((trained, of_training), (settings, read_spec(results[name]))):
            for key, value in asked.items():
                if key in known and key != "model":
                    assert known[key] == value, (name, key)


def test_the_command_runs_the_lists_and_keeps_what_is_whole() -> None:
    for target, file in (
        ("reproduction", "fashion-mnist"),
        ("reproduction", "trainings"),
        ("reproduction-cifar", "cifar10"),
        ("reproduction-defences", "defences"),
        ("reproduction-defences", "defences-cifar10"),
    ):
        dry = ["make", "--no-print-directory", "--always-make", "-n", target, "DATA=data"]
        shown = subprocess.run(dry, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        command = f"study run --resume --overwrite --data-root data reproduction/{file}.toml"
        assert command in shown


@pytest.mark.slow
def test_the_page_is_what_the_files_give() -> None:
    text = (FOLDER / "index.md").read_text("utf-8")
    others = {*CIFAR_TABLES, *DEFENCE_TABLES}
    assert sorted(table_names(text)) == sorted(set(TABLES) - others)
    assert filled(text, open_page(FOLDER)) == text


def test_each_larger_attack_set_leaves_less_in_every_training() -> None:
    found = open_page(FOLDER)
    for model in TITLES:
        trained = of_trainings(found, "sample-size", model)
        assert len(trained) == 1 + len(SEEDS)
        for one in trained:
            left = accuracies(one)["adversarial"].mean("repeat").squeeze(drop=True)
            left = left.sel(strength=STRENGTH) if "strength" in left.dims else left
            assert (left.sel(attack_samples=[1, 5, 10, 100]).diff("attack_samples") < 0).all()


@pytest.mark.processes
def test_the_cifar_page_is_what_its_files_give() -> None:
    folder = FOLDER / "cifar"
    text = (folder / "index.md").read_text("utf-8")
    assert sorted(table_names(text)) == sorted(CIFAR_TABLES)
    assert filled(text, open_folder(folder)) == text


def test_a_table_is_made_anew(results: dict[str, xr.DataTree]) -> None:
    text = "before\n<!-- table: angles -->\n| old |\n<!-- end -->\nafter\n"
    made = filled(text, results)
    assert made.startswith("before\n<!-- table: angles -->\n| t of both | simulated")
    assert made.endswith("<!-- end -->\nafter\n")
    assert "old" not in made


def test_the_sizes_are_the_papers(results: dict[str, xr.DataTree]) -> None:
    for model in ("bnn", "im", "sin-0.05", "sin-0.1"):
        study = read_spec(results[f"inference-size-{model}"])
        assert (study["images"], study["repeats"], study["attack_samples"]) == (1000, 10, [100])
        assert study["inference_samples"] == [1, 5, 10, 100]
        assert read_spec(results[f"prediction-variance-{model}"])["num_samples"] == 1000
    for model in ("bnn", "im"):
        assert read_spec(results[f"sample-size-{model}"])["attack_samples"][-1] == 1000
        pgd = read_spec(results[f"pgd-{model}"])
        assert (pgd["attack"], pgd["images"]) == ("pgd", 1000)
        assert pgd["attack_options"] == {
            "steps": 100,
            "relative_step": 0.02,
            "fixed_samples": False,
            "restarts": 0,
        }
        assert read_spec(results[f"linf-{model}"])["norm"] == "linf"
        assert read_spec(results[f"cw-{model}"])["gradient"] == "mean_logits"
    angles = read_spec(results["gaussian-angles"])
    sizes = [angles[name] for name in ("dimension", "pairs", "draws", "step")]
    assert sizes == [1000, 1000, 60, 0.2]


def test_every_file_has_the_presets_settings(results: dict[str, xr.DataTree]) -> None:
    """But for what its command changes; a file of another preset would be a stale one."""
    changed = {"attack_samples", "repeats", "block_size", "strengths"}
    for name, tree in results.items():
        spec = read_spec(tree)
        for key, value in preset_settings(tree.attrs["study"], "paper").items():
            if key not in changed:
                own = tuple(spec[key]) if isinstance(spec[key], list) else spec[key]
                assert own == value, (name, key)


def test_claim_i_accuracy_falls_with_attack_samples(claims: list[Claim]) -> None:
    found = [claim for claim in claims if claim.claim == "i"]
    assert len(found) == 4 + 4 + 3 + 3
    for claim in found:
        assert claim.effect < 0, claim
    # from one sample to the next size the whole interval is below zero, for every model
    assert all(claim.holds for claim in found if re.search(r"S_A 1 →", claim.about))


def test_claim_ii_the_cosine_stays_below_one(claims: list[Claim]) -> None:
    found = [claim for claim in claims if claim.claim == "ii"]
    assert len(found) == 8
    assert all(claim.holds for claim in found)


def test_claim_iii_inference_samples_do_not_matter_beyond_one(claims: list[Claim]) -> None:
    found = [claim for claim in claims if claim.claim == "iii" and "raw" in claim.statement]
    assert len(found) == 12
    for claim in found:
        if "S_I 10 against" in claim.about:
            assert claim.holds, claim
        elif "S_I 5 against" in claim.about:  # for two models the interval just reaches a point
            assert abs(claim.effect) < 0.01, claim
    slopes = [claim for claim in claims if claim.claim == "iii" and "norm" in claim.statement]
    assert len(slopes) == 12
    beyond = [claim for claim in slopes if "S_I 1 against" not in claim.about]
    assert all(claim.holds for claim in beyond), [c for c in beyond if not c.holds]


def test_claim_iv_variance_protects(claims: list[Claim]) -> None:
    found = [claim for claim in claims if claim.claim == "iv"]
    assert len(found) == 8
    # the standard deviation has the unit of the logits, which differ between the SINs
    unit = "higher standard deviation"
    for claim in found:
        if not (claim.about.startswith("sin") and claim.statement.startswith(unit)):
            assert claim.holds, claim


@pytest.mark.statistical
def test_figure_3_has_its_shape(results: dict[str, xr.DataTree]) -> None:
    for model in ("bnn", "im"):
        means = accuracies(results[f"conditions-{model}"]).mean("repeat").squeeze(drop=True)
        near = means.sel(strength=means["strength"] <= 0.2 + 1e-9)
        assert float(abs(near["adversarial"] - near["linear_condition"]).mean()) < 0.05
        smooth = means["smooth_condition"].sel(smoothness=20.0)
        assert float(smooth.sel(strength=0.3)) > 0
        assert float(smooth.sel(strength=0.35)) == 0  # √(2/20) = 0.316 lies between
        assert bool((means["smooth_condition"] <= means["linear_condition"]).all())
        # from the margin and slope of the nearest class
        interval = means["interval_condition"]
        assert bool((means["smooth_condition"] <= interval).all())
        assert float(interval.sel(strength=0.45)) > 0.4 > 3 * float(smooth.sel(strength=0.45))


def test_figure_2_agrees_with_the_closed_form(results: dict[str, xr.DataTree]) -> None:
    """Every cell with a variance: 60,000 pairs in all, whose angles vary by 1.8 degrees at most.

    That is a standard error of 0.008 degrees, which all cells share; 0.03 is four of them.
    """
    values = results["gaussian-angles"]["angles"].dataset.isel(variance_scale=slice(1, None))
    closed = np.degrees(np.arccos(values["cosine_second_order"]))
    assert float(abs(values["angle"] - closed).max()) < 0.03


def planted(
    effect: float,
    *,
    cosine: float = 0.5,
    slope: float = 0.0,
    spread: float = 1.0,
    seed: int = 0,
) -> dict[str, xr.DataTree]:
    """Results of a model m with known effects and a little noise.

    Args:
        effect: share of images that each larger set changes to correct (or to wrong, if < 0).
        cosine: of every image.
        slope: relative change of the gradient norm with each larger inference set.
        spread: standard deviation of the gradient.
        seed: of the noise.
    """
    rng = np.random.default_rng(seed)
    shape = (6, 400, 1, 3, 3)
    base = rng.random((*shape[:3], 1, 1)) < 0.5
    sizes = np.arange(3)
    change = rng.random(shape) < abs(effect) * (sizes[:, None] + sizes)
    noise = 1 + 0.01 * rng.random(shape)
    dims = ("repeat", "example", "strength", "attack_samples", "inference_samples")
    coords = {"strength": [1.5], "attack_samples": [1, 5, 100], "inference_samples": [1, 5, 9]}
    ones = xr.DataArray(np.ones(shape), dims=dims, coords=coords)
    values = xr.Dataset(
        {
            "adversarial_correct": ones.copy(data=np.where(change, effect > 0, base)) > 0,
            "linear_condition": ones > 0,
            "clean_correct": ones.isel(strength=0, attack_samples=0, drop=True) > 0,
            "attack_correct": ones.isel(strength=0, inference_samples=0, drop=True) > 0,
            "cosine": ones.copy(data=cosine * noise),
            "gradient_norm": ones.copy(data=noise * (1 + slope * sizes)),
            "margin": ones,
            "perturbation_norm": ones.isel(inference_samples=0, drop=True),
        }
    )
    provenance = {"output": "logits"}
    tree = make_result(values, study="s", spec={}, provenance=provenance)
    both = ("example", "gradient")
    entry_std = spread * (1 + 0.1 * rng.random((400, 2)))
    trace = np.full((400, 2), 9.0 * spread)
    trace[:, 0] += 0.1 * rng.random(400)  # of the label: images differ between two models
    moments = xr.Dataset(
        {
            "gradient_entry_std": (both, entry_std),
            "gradient_square": (both, np.ones((400, 2))),
            "gradient_trace": (both, trace),
            "alignment": ("example", np.ones(400)),
        },
        coords={"gradient": ["label", "margin"], "label": ("example", np.zeros(400))},
    )
    varied = make_result(moments, study="s", spec={}, provenance=provenance, group="variation")
    return {"sample-size-m": tree, "inference-size-m": tree, "prediction-variance-m": varied}


def test_claims_i_and_iii_fail_where_they_are_false() -> None:
    assert all(claim.holds for claim in more_attack_samples(planted(-0.1), "m"))
    assert not any(claim.holds for claim in more_attack_samples(planted(0.1), "m"))
    still = planted(0.0)
    assert not any(claim.holds for claim in more_attack_samples(still, "m"))
    for effect, slope, accuracy_holds, slope_holds in (
        (0.001, 0.01, True, True),
        (-0.1, 0.0, False, True),
        (0.001, 0.2, True, False),
    ):
        found = inference_samples_do_not_matter(planted(effect, slope=slope), "m")
        assert len(found) == 6
        for claim in found:
            expected = accuracy_holds if "accuracy" in claim.statement else slope_holds
            if "S_I 5" in claim.about:
                assert claim.holds is expected, claim


def test_claim_ii_fails_where_the_cosine_is_one() -> None:
    assert all(claim.holds for claim in cosine_below_one(planted(0.0), "m"))
    measured, limit = cosine_below_one(planted(0.0, cosine=0.995, spread=1e-6), "m")
    assert not measured.holds
    assert not limit.holds
    # T / S_I = 9 / 9: the limit for many attack samples is 1 / √2
    assert cosine_below_one(planted(0.0), "m")[1].effect == pytest.approx(1 - 2**-0.5)


def test_claim_iv_fails_where_the_calm_model_withstands() -> None:
    first = {f"{name[:-1]}calm": tree for name, tree in planted(-0.2, cosine=0.9).items()}
    second = planted(0.0, cosine=0.3, spread=3.0)
    varied = {f"{name[:-1]}varied": tree for name, tree in second.items()}
    both = {**first, **varied}
    assert all(claim.holds for claim in variance_protects(both, "calm", "varied"))
    assert not any(claim.holds for claim in variance_protects(both, "varied", "calm"))
    same = {f"{name[:-1]}same": tree for name, tree in planted(0.0, seed=1).items()}
    alike = {f"{name[:-1]}alike": tree for name, tree in planted(0.0, seed=2).items()}
    assert not any(c.holds for c in variance_protects({**same, **alike}, "same", "alike"))


def test_the_limit_leaves_out_what_has_no_gradient(results: dict[str, xr.DataTree]) -> None:
    limits = limit_cosines(results["prediction-variance-bnn"], 100)
    assert 900 < int(limits.notnull().sum()) <= 1000
    more = limit_cosines(results["prediction-variance-bnn"], 1000)
    assert more.mean() > limits.mean()  # less inference noise


def test_the_papers_numbers_are_complete() -> None:
    numbers = paper()
    for model in ("bnn", "im", "sin-0.05", "sin-0.1"):
        assert len(numbers["table1"][model]) == 3
        assert len(numbers["table2"]["clean"][model]) == 4
        assert len(numbers["table2"]["adversarial"][model]) == 4


def test_a_missing_file_is_named(results: dict[str, xr.DataTree]) -> None:
    without = {name: tree for name, tree in results.items() if name != "conditions-im"}
    with pytest.raises(FileError, match=r"needs 'conditions-im', which is not there; run make"):
        filled("<!-- table: conditions -->\n<!-- end -->", without)
    with pytest.raises(FileError, match=r"there is no table 'angels'; expected one of .*angles"):
        filled("<!-- table: angels -->\n<!-- end -->", results)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"holds no results \(\*\.nc\); run make reproduction"):
        open_folder(tmp_path)
