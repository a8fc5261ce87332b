"""Tables of the small residual networks on CIFAR-10, beside the paper's large ones."""

from collections.abc import Callable

from pyrosnn.conditions import CONSTANTS
from pyrosnn.summaries import accuracy_intervals, geometry_means, variation_table
from reproduction.cells import (
    SIZES,
    Row,
    Table,
    by_strength,
    paper,
    share,
    size_text,
)
from reproduction.claims import Results

NETWORKS = {"resnet-0.3": "dropout 0.3", "resnet-0.6": "dropout 0.6"}
STRENGTH = 0.3


def attack_samples(results: Results) -> Table:
    """Return figures 4 and 5: adversarial accuracy and mean cosine against S_A."""
    header = ["network", "", *[f"S_A = {size}" for size in SIZES]]
    rows = []
    for name, title in NETWORKS.items():
        result = results[f"sample-size-{name}"]
        accuracy = accuracy_intervals(result).sel(strength=STRENGTH).isel(inference_samples=-1)
        cosine = geometry_means(result)["cosine"].sel(strength=STRENGTH).isel(inference_samples=-1)
        theirs = [f"{value:.2f}" for value in paper()["cosine"][name]]
        ours = [
            [share(accuracy.sel(attack_samples=size)) for size in SIZES],
            [f"{float(cosine.sel(attack_samples=size).mean()):.3f}" for size in SIZES],
        ]
        rows.append([title, "adversarial accuracy", *ours[0]])
        rows.append([title, "mean cosine", *ours[1]])
        rows.append([title, "mean cosine of the paper's 28 × 10, by eye", *theirs])
    return header, rows


def inference_samples(results: Results) -> Table:
    """Return table 2: accuracies against S_I."""
    header = ["network", "S_I", "paper: test", "clean", "paper: adversarial"]
    header += ["adversarial", "given clean-correct", "cosine", "norm × cosine"]
    rows = []
    for name, title in NETWORKS.items():
        result = results[f"inference-size-{name}"]
        means = accuracy_intervals(result).isel(attack_samples=-1).sel(strength=STRENGTH)
        factors = geometry_means(result).isel(attack_samples=-1).sel(strength=STRENGTH)
        for number, size in enumerate(SIZES):
            at, geometry = (values.sel(inference_samples=size) for values in (means, factors))
            clean, adversarial = (
                f"{paper()['table2'][kind][name][number]:.2f}" for kind in ("clean", "adversarial")
            )
            first = share(at, "clean")
            cells = [share(at, kind) for kind in ("adversarial", "adversarial_given_clean")]
            cells += [f"{float(geometry[kind].mean()):.3g}" for kind in ("cosine", "slope")]
            rows.append([title, size_text(size), clean, first, adversarial, *cells])
    return header, rows


def variation(results: Results) -> Table:
    """Return table 1: spread of predictions and gradients."""
    header = ["network", "paper: std", "std", "paper: length", "length, plug-in", "unbiased"]
    header += ["std of gradient"]
    rows = []
    for name, title in NETWORKS.items():
        std, length, _ = paper()["table1"][name]
        label = variation_table(results[f"prediction-variance-{name}"])["of f_y"]
        cells = [
            std,
            label["std of prediction"],
            length,
            label["gradient length, plug-in"],
            label["from the unbiased square"],
            label["std of gradient entries"],
        ]
        rows.append([title, *[f"{value:.4g}" for value in cells]])
    return header, rows


def conditions(results: Results) -> Table:
    """Return figure 7: shares of images by strength."""
    found = accuracy_intervals(results["conditions-resnet-0.3"])
    found = found.isel(attack_samples=-1, inference_samples=-1)
    columns = {"strength": [f"{strength:g}" for strength in found["strength"].values]}
    columns["adversarial"] = by_strength(found, "adversarial")
    columns["linear"] = by_strength(found, "linear_condition")
    columns["interval"] = by_strength(found, "interval_condition")
    for which, constant in zip(CONSTANTS, found["smoothness"].values, strict=True):
        held = found.sel(smoothness=constant)
        columns[f"smooth, {which}"] = by_strength(held, "smooth_condition")
    return list(columns), [list(row) for row in zip(*columns.values(), strict=True)]


CIFAR_TABLES: dict[str, Callable[[Results], tuple[Row, list[Row]]]] = {
    "cifar-attack-samples": attack_samples,
    "cifar-inference-samples": inference_samples,
    "cifar-variation": variation,
    "cifar-conditions": conditions,
}
