"""The page's tables: our numbers beside the paper's."""

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from pyrosnn.conditions import CONSTANTS, cutoff
from pyrosnn.results import GROUP, read_spec
from pyrosnn.summaries import (
    accuracies,
    accuracy_intervals,
    geometry_means,
    interval_end,
    variation_table,
)
from pyrosnn_studies.tables import percent_of_means
from reproduction.cells import (
    SIZES,
    Row,
    Table,
    by_strength,
    paper,
    share,
    size_text,
)
from reproduction.certificates import CERTIFICATE_TABLES
from reproduction.cifar import CIFAR_TABLES
from reproduction.claims import STRENGTH, Results, all_claims
from reproduction.defences import DEFENCE_TABLES
from reproduction.trainings import TRAINING_TABLES

MODELS = {"bnn": "BNN", "im": "IM", "sin-0.05": "SIN 0.05", "sin-0.1": "SIN 0.1"}
# tables 1 and 2 compare the paper's networks with other readings of their training, too
COMPARED = {**MODELS, "sin-0.1-loss": "SIN 0.1, loss averaged"}
VARIED = {**COMPARED, "bnn-kl3": "BNN, KL weight 3 / N", "im-kl3": "IM, KL weight 3 / N"}
ABLATED = {
    "bnn": "BNN, preset `paper`",
    "bnn-kl0.1": "BNN, KL weight 0.1 / N",
    "bnn-kl3": "BNN, KL weight 3 / N",
    "bnn-tanh": "BNN, tanh",
    "bnn-scale1": "BNN, initial row scale 1",
    "im": "IM, preset `paper`",
    "im-kl3": "IM, KL weight 3 / N",
    "sin-0.05": "SIN 0.05",
    "sin-0.1": "SIN 0.1",
    "sin-0.1-loss": "SIN 0.1, loss averaged",
}


def _papers_name(model: str) -> str:
    """Return the name of the paper's network that a variant is compared with."""
    return model.removesuffix("-loss").removesuffix("-kl3")


def table1(results: Results) -> Table:
    """Spread of predictions and gradients."""
    header = ["", "paper: std", "std", "variance", "paper: length", "length, plug-in"]
    header += ["unbiased", "of the margin", "paper: std of gradient", "std of gradient"]
    rows = []
    for model, title in VARIED.items():
        std, length, spread = paper()["table1"][_papers_name(model)]
        table = variation_table(results[f"prediction-variance-{model}"])
        label, margin = table["of f_y"], table["of the margin"]
        ours = {
            "std": label["std of prediction"],
            "variance": label["variance of prediction"],
            "plugin": label["gradient length, plug-in"],
            "unbiased": label["from the unbiased square"],
            "margin": margin["gradient length, plug-in"],
            "spread": label["std of gradient entries"],
        }
        cells = [std, ours["std"], ours["variance"], length, ours["plugin"], ours["unbiased"]]
        cells += [ours["margin"], spread, ours["spread"]]
        rows.append([title, *[f"{value:.4g}" for value in cells]])
    return header, rows


def table2(results: Results) -> Table:
    """Accuracies against S_I."""
    header = ["model", "S_I", "paper: test", "test", "first 1,000", "paper: adversarial"]
    header += ["adversarial", "given clean-correct"]
    rows = []
    for model, title in COMPARED.items():
        result = results[f"inference-size-{model}"]
        test = accuracies(result)["test"].mean("repeat")
        found = accuracy_intervals(result).isel(attack_samples=-1).sel(strength=STRENGTH)
        for size in found["inference_samples"].values:
            at = found.sel(inference_samples=size)
            clean, adversarial = (
                dict(zip(SIZES, paper()["table2"][kind][_papers_name(model)], strict=True))[
                    int(size)
                ]
                for kind in ("clean", "adversarial")
            )
            shares = [share(at, name) for name in ("adversarial", "adversarial_given_clean")]
            on_test = f"{100 * float(test.sel(inference_samples=size)):.1f}"
            first = [title, size_text(size), f"{clean:.2f}", on_test, share(at, "clean")]
            rows.append([*first, f"{adversarial:.2f}", *shares])
    return header, rows


def factors(results: Results) -> Table:
    """Return figures 6, 15 to 17: factors of the linear radius against S_I."""
    header = ["model", "S_I", "cosine", "gradient norm", "norm × cosine", "margin"]
    rows = []
    for model, title in MODELS.items():
        means = geometry_means(results[f"inference-size-{model}"]).isel(attack_samples=-1)
        means = means.sel(strength=STRENGTH)
        for size in means["inference_samples"].values:
            at = means.sel(inference_samples=size)
            cells = [
                f"{float(at[name].mean()):.3g}"
                for name in ("cosine", "gradient_norm", "slope", "margin")
            ]
            rows.append([title, size_text(size), *cells])
    return header, rows


def cosine(results: Results) -> Table:
    """Return figure 5: mean cosine against S_A."""
    sizes = [1, 5, 10, 100, 1000]
    header = ["model", "", *[f"S_A = {size:,}" for size in sizes]]
    rows = []
    for model, title in MODELS.items():
        values = geometry_means(results[f"sample-size-{model}"])["cosine"]
        values = values.sel(strength=STRENGTH).isel(inference_samples=-1)
        if model in paper()["cosine"]:
            rows.append([title, "paper, by eye", *[f"{c:.2f}" for c in paper()["cosine"][model]]])
        cells = []
        for size in sizes:
            if size in values["attack_samples"].values:
                at = values.sel(attack_samples=size)
                cells.append(f"{float(at.mean()):.3f} ± {float(at.std(ddof=1)):.3f}")
            else:
                cells.append("")
        rows.append([title, "ours", *cells])
    return header, rows


# file prefix, what it is, strength, and the paper's numbers with their S_A
ATTACKS: list[tuple[str, str, float, str, list[int]]] = [
    ("sample-size", "FGM", 1.5, "", []),
    ("sample-size", "FGM", 2.25, "fgm", [1, 5, 10, 100, 1000]),
    ("linf", "FGSM", 0.18, "linf", [1, 100]),
    ("pgd", "PGD ℓ2", 2.25, "pgd", [1, 100]),
    ("cw", "FGM, CW loss on mean logits", 2.25, "logits", [100]),
    ("margin", "FGM, margin of mean logits", 2.25, "logits", [100]),
]


def attacks(results: Results) -> Table:
    """Return adversarial accuracy under every attack, by S_A."""
    sizes = [1, 5, 10, 100, 1000]
    header = ["attack", "η", "model", "", *[f"S_A = {size:,}" for size in sizes]]
    rows: list[Row] = []
    for prefix, title, strength, key, at_sizes in ATTACKS:
        read_off: dict[str, Any] = paper().get(key, {})
        for model in [model for model in MODELS if f"{prefix}-{model}" in results]:
            begin = [title, f"{strength:g}", MODELS[model]]
            if model in read_off:
                known = dict(zip(at_sizes, np.atleast_1d(read_off[model]), strict=True))
                cells = [f"{100 * known[s]:.0f}" if s in known else "" for s in sizes]
                rows.append([*begin, "paper, by eye", *cells])
            found = accuracy_intervals(results[f"{prefix}-{model}"])
            at = found.sel(strength=strength).isel(inference_samples=-1)
            there = at["attack_samples"].values
            cells = [share(at.sel(attack_samples=s)) if s in there else "" for s in sizes]
            rows.append([*begin, "ours", *cells])
    return header, rows


def conditions(results: Results) -> Table:
    """Return figures 3 and 7: shares of images by strength."""
    header = ["strength"]
    columns: list[list[str]] = []
    for model in ("bnn", "im"):
        found = accuracy_intervals(results[f"conditions-{model}"]).isel(
            attack_samples=-1, inference_samples=-1
        )
        strengths = [f"{strength:g}" for strength in found["strength"].values]
        names = {"adversarial": "adversarial", "linear_condition": "linear"}
        names["interval_condition"] = "interval"
        first, *others = names.values()
        header += [f"{MODELS[model]}: {first}", *others]
        columns += [by_strength(found, name) for name in names]
        for which, constant in zip(CONSTANTS, found["smoothness"].values, strict=True):
            header.append(f"smooth, {which}")
            columns.append(by_strength(found.sel(smoothness=constant), "smooth_condition"))
    return header, [list(row) for row in zip(strengths, *columns, strict=True)]


def tracking(results: Results) -> Table:
    """Return how close the linear condition is to the accuracy, and where the others end."""
    header = ["model", "mean absolute difference, linear condition, η ≤ 0.2 (points)"]
    header += [f"last η with a smooth image, {which} (√(2/L))" for which in CONSTANTS]
    header.append("last image of the interval condition, η")
    rows = []
    for name, title in (
        ("conditions-bnn", "BNN"),
        ("conditions-im", "IM"),
        ("conditions-clip-bnn", "BNN, δ clipped"),
    ):
        means = accuracies(results[name]).isel(attack_samples=-1, inference_samples=-1)
        near = means.sel(strength=means["strength"] <= 0.2 + 1e-9)
        difference = abs(near["adversarial"] - near["linear_condition"]).mean()
        cells = [title, f"{100 * float(difference):.2f}"]
        for constant in means["smoothness"].values:
            held = means["smooth_condition"].sel(smoothness=constant).max("repeat")
            last = float(held["strength"].values[held.values > 0].max())
            cells.append(f"{last:g} ({cutoff(float(constant)):.3f})")
        cells.append(f"{interval_end(results[name]):.2f}")
        rows.append(cells)
    return header, rows


def laplace(results: Results) -> Table:
    """Return supplement C.5: a last-layer Laplace approximation under FGSM, against S_A."""
    result = results["laplace"]
    strength = float(result[GROUP].dataset["strength"].max())
    accuracy = accuracy_intervals(result).sel(strength=strength).isel(inference_samples=-1)
    cosine = result[GROUP].dataset["cosine"].sel(strength=strength).isel(inference_samples=-1)
    sizes = [int(size) for size in accuracy["attack_samples"].values]
    theirs = paper()["laplace"]
    cells = [
        ["adversarial accuracy", "paper, CIFAR-100", *[f"{v:.1f}" for v in theirs["accuracy"]]],
        ["", "ours", *[share(accuracy.sel(attack_samples=size)) for size in sizes]],
        [
            "cosine, mean ± deviation over images",
            "paper, CIFAR-100",
            *[
                f"{mean:.3f} ± {deviation:.3f}"
                for mean, deviation in zip(theirs["cosine"], theirs["deviation"], strict=True)
            ],
        ],
        ["", "ours", *[_over_images(cosine.sel(attack_samples=size)) for size in sizes]],
    ]
    return ["", "", *[f"S_A = {size}" for size in sizes]], cells


def _over_images(cosine: xr.DataArray) -> str:
    """Format a cosine per repeat and image: mean, and deviation over the images of a repeat."""
    return f"{float(cosine.mean()):.3f} ± {float(cosine.std('example', ddof=1).mean()):.3f}"


READINGS = {
    "true labels": "true labels",
    "predicted labels": "predicted labels",
    "predicted, judged clipped": "and image clipped",
    "predicted, floored": "or floored",
    "predicted, pre-activations": "or pre-activations",
}


def ablation(results: Results) -> Table:
    """Return accuracies of every network under every reading of the attack."""
    header = ["network", "clean", "paper: adversarial", *READINGS.values()]
    header += ["zero gradients", "shortened by the floor"]
    rows = []
    for name, title in ABLATED.items():
        result = results[f"ablation-{name}"]
        values, images = result["ablation"].dataset, read_spec(result)["images"]
        there = values["variant"].values
        adversarial = values["mean_adversarial"]
        cells = [
            str(percent_of_means(adversarial.sel(variant=variant), images))
            if variant in there
            else ""
            for variant in READINGS
        ]
        paper_has = paper()["table2"]["adversarial"]
        theirs = f"{paper_has[name][-1]:.1f}" if name in paper_has else ""
        clean = str(percent_of_means(values["mean_clean"].sel(variant="true labels"), images))
        zero = float(values["share_zero"].sel(variant="true labels").mean())
        short = float(values["share_short"].sel(variant="predicted, floored").mean())
        rows.append([title, clean, theirs, *cells, f"{100 * zero:.1f}", f"{100 * short:.1f}"])
    return header, rows


def ablation_cosine(results: Results) -> Table:
    """Return mean cosines of every network where they differ between readings."""
    shown = {
        "true labels": "true labels",
        "predicted labels": "predicted labels",
        "predicted, δ clipped": "and δ clipped",
        "predicted, pre-activations": "or pre-activations",
    }
    header = ["network", "paper, by eye", *shown.values()]
    rows = []
    for name, title in ABLATED.items():
        values = results[f"ablation-{name}"]["ablation"].dataset
        there = values["variant"].values
        means = values["mean_cosine"].mean("repeat")
        cells = [f"{float(means.sel(variant=v)):.3f}" if v in there else "" for v in shown]
        theirs = paper()["cosine"].get(name)
        rows.append([title, f"{theirs[3]:.2f}" if theirs else "", *cells])
    return header, rows


def angles(results: Results) -> Table:
    """Return figure 2: simulated angles and closed forms where both t are equal."""
    header = ["t of both", "simulated (degrees)", "closed form, first order", "second order"]
    values = results["gaussian-angles"]["angles"].dataset
    rows = []
    for t in (0.2, 0.6, 1.0, 2.0, 4.0, 6.0, 8.0, 10.0):
        at = values.sel(mean_scale=t, variance_scale=t)
        rows.append(
            [f"{t:g}", f"{float(at['angle']):.3f} ± {float(at['angle_error']):.3f}"]
            + [f"{np.degrees(np.arccos(float(at[f'cosine_{n}_order']))):.3f}" for n in ORDERS]
        )
    return header, rows


ORDERS = ("first", "second")


def claims(results: Results) -> Table:
    """Return the four claims."""
    header = ["claim", "about", "statement", "effect [95 % interval]", "effect size", "holds"]
    rows = []
    for claim in all_claims(results):
        size = "" if np.isnan(claim.effect_size) else f"{claim.effect_size:.1f}"
        effect = f"{claim.effect:.3g} [{claim.low:.3g}, {claim.high:.3g}]"
        holds = "yes" if claim.holds else "no"
        rows.append([f"({claim.claim})", claim.about, claim.statement, effect, size, holds])
    return header, rows


TABLES: dict[str, Callable[[Results], Table]] = {
    "table1": table1,
    "table2": table2,
    "factors": factors,
    "cosine": cosine,
    "attacks": attacks,
    "conditions": conditions,
    "tracking": tracking,
    "ablation": ablation,
    "ablation-cosine": ablation_cosine,
    "laplace": laplace,
    "angles": angles,
    "claims": claims,
    **CERTIFICATE_TABLES,
    **CIFAR_TABLES,
    **DEFENCE_TABLES,
    **TRAINING_TABLES,
}
