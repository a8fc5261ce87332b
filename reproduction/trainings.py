"""Tables over several trainings of each network: what a training's seed changes."""

import math
from collections.abc import Callable

import numpy as np
import xarray as xr

from pyrosnn.statistics import student_quantile
from pyrosnn.summaries import accuracies, geometry_means
from reproduction.cells import SIZES, Table, paper, size_text
from reproduction.claims import STRENGTH, Results

SEEDS = (1, 2)  # of reproduction/trainings.toml; seed 0 is that of the other tables
TITLES = {"bnn": "BNN", "im": "IM", "sin-0.05": "SIN 0.05", "sin-0.1": "SIN 0.1"}


def of_trainings(results: Results, study: str, model: str) -> list[xr.DataTree]:
    """Return the results of a study for all trainings of a network; fewer than two say nothing."""
    names = [f"{study}-{model}", *[f"{study}-{model}-seed{seed}" for seed in SEEDS]]
    found = [results[name] for name in names if name in results]
    return found if len(found) > 1 else []


def over_trainings(results: Results) -> Table:
    """Return table 2 as mean ± standard deviation over trainings, beside the paper's one training.

    The last column is where 95 % of further trainings lie, if trainings are normally distributed:
    mean ± t s √(1 + 1/n).
    """
    header = ["model", "S_I", "paper: test", "test", "paper: adversarial", "adversarial"]
    header += ["a further training"]
    rows = []
    for model, title in TITLES.items():
        trained = of_trainings(results, "inference-size", model)
        if not trained:
            continue
        test = [accuracies(one)["test"].mean("repeat") for one in trained]
        adversarial = [_adversarial(one) for one in trained]
        for number, size in enumerate(SIZES):
            theirs = [paper()["table2"][kind][model][number] for kind in ("clean", "adversarial")]
            ours = [
                np.array([100 * float(one.sel(inference_samples=size)) for one in values])
                for values in (test, adversarial)
            ]
            cells = [f"{theirs[0]:.2f}", _spread(ours[0]), f"{theirs[1]:.2f}", _spread(ours[1])]
            rows.append([title, size_text(size), *cells, _further(ours[1])])
    return header, rows


def attack_samples_over_trainings(results: Results) -> Table:
    """Return adversarial accuracies and cosines against S_A, mean ± deviation over trainings."""
    header = ["model", "", *[f"S_A = {size}" for size in SIZES]]
    rows = []
    for model, title in TITLES.items():
        trained = of_trainings(results, "sample-size", model)
        if not trained:
            continue
        adversarial = [_adversarial(one) for one in trained]
        cosine = [
            geometry_means(one)["cosine"]
            .sel(strength=STRENGTH)
            .mean("repeat")
            .isel(inference_samples=-1)
            for one in trained
        ]
        for name, values, scale, form in (
            ("adversarial accuracy", adversarial, 100, ".1f"),
            ("cosine", cosine, 1, ".3f"),
        ):
            cells = [
                _spread(np.array([scale * float(v.sel(attack_samples=size)) for v in values]), form)
                for size in SIZES
            ]
            rows.append([title, name, *cells])
    return header, rows


def _adversarial(result: xr.DataTree) -> xr.DataArray:
    """Return adversarial accuracies at the tables' strength, by the size that the study varies."""
    found = accuracies(result)["adversarial"].sel(strength=STRENGTH).mean("repeat")
    return found.squeeze(drop=True)


def _spread(values: np.ndarray, form: str = ".1f") -> str:
    """Format mean ± standard deviation."""
    return f"{values.mean():{form}} ± {values.std(ddof=1):{form}}"


def _further(values: np.ndarray) -> str:
    """Format the 95 % range of one more value like these."""
    number = len(values)
    quantile = float(student_quantile(0.95, number - 1))
    reach = quantile * values.std(ddof=1) * math.sqrt(1 + 1 / number)
    return f"{values.mean() - reach:.1f} to {values.mean() + reach:.1f}"


TRAINING_TABLES: dict[str, Callable[[Results], Table]] = {
    "trainings": over_trainings,
    "trainings-attack-samples": attack_samples_over_trainings,
}
