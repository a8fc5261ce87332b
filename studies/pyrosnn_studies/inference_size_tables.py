"""The tables of the study inference-size: accuracies and factors by S_I, and paired differences."""

import numpy as np
import xarray as xr

from pyrosnn.results import GROUP
from pyrosnn.summaries import (
    accuracies,
    accuracy_on_clean,
    geometry_means,
    paired_differences,
)
from pyrosnn_studies.tables import Table, mean_and_sd, number, percent

ACCURACIES = {
    "test": "test split",
    "clean": "clean",
    "adversarial": "adversarial",
    "adversarial_given_clean": "given clean-correct",
}
FACTORS = {
    "cosine": "cosine",
    "gradient_norm": "gradient norm",
    "slope": "norm × cosine",
    "margin": "margin",
}


def inference_size_tables(result: xr.DataTree) -> list[Table]:
    """Return accuracies, factors of the radius, and paired differences."""
    tables = [_accuracy(result), _factors(result)]
    several = result[GROUP].dataset.sizes["inference_samples"] > 1
    return [*tables, _paired(result)] if several else tables


def _accuracy(result: xr.DataTree) -> Table:
    """Return table 2: accuracies by S_I, at the largest S_A and each strength."""
    means = accuracies(result).isel(attack_samples=-1)
    shown = {name: title for name, title in ACCURACIES.items() if name in means}
    rows = []
    for strength in means["strength"].values:
        for size in means["inference_samples"].values:
            cell = means.sel(inference_samples=size).sel(strength=strength)
            rows.append(
                [f"{strength:g}", f"{size:,}"]
                + [percent(*mean_and_sd(cell[name])) for name in shown]
            )
    size = int(means["attack_samples"])
    return Table(
        title=f"Accuracies in %, mean ± standard deviation over repeats, S_A = {size:,}",
        header=["strength", "S_I", *shown.values()],
        rows=rows,
    )


def _factors(result: xr.DataTree) -> Table:
    """Return what the linear radius is made of, by S_I: means over images, then repeats."""
    means = geometry_means(result).isel(attack_samples=-1, strength=-1)
    strength = float(means["strength"])
    rows = [
        [f"{size:,}"]
        + [number(*mean_and_sd(means[name].sel(inference_samples=size))) for name in FACTORS]
        for size in means["inference_samples"].values
    ]
    return Table(
        title=f"Factors of the linear radius at η = {strength:g}, mean ± standard deviation",
        header=["S_I", *FACTORS.values()],
        rows=rows,
    )


def _paired(result: xr.DataTree) -> Table:
    """Return paired differences to the largest S_I, with 95 % intervals over repeats."""
    values = result[GROUP].dataset
    sizes, strength = values["inference_samples"].values, values["strength"].values[-1]
    slope = geometry_means(result)["slope"]
    compared = {
        "adversarial, points": accuracies(result)["adversarial"],
        "of clean-correct, points": accuracy_on_clean(result),
        "norm × cosine, %": slope / slope.isel(inference_samples=-1, drop=True),
    }
    rows = []
    for size in sizes[:-1]:
        cells = [f"{size:,}"]
        for quantity in compared.values():
            at = quantity.isel(attack_samples=-1, strength=-1, drop=True)
            paired = paired_differences(at, "inference_samples").sel(inference_samples=size)
            cells.append(
                _difference(100 * paired[["difference", "low", "high"]], paired["p_value"])
            )
        rows.append(cells)
    return Table(
        title=(
            f"Difference to S_I = {sizes[-1]:,} on the same images, η = {strength:g}: "
            "mean [95 % interval] over repeats, p of a paired t-test\n"
            f"Clean-correct: the images that S_I = {sizes[-1]:,} has right before the attack"
        ),
        header=["S_I", *compared],
        rows=rows,
    )


def _difference(paired: xr.Dataset, p_value: xr.DataArray) -> str:
    """Format a difference; without an interval where there is none."""
    mean = f"{float(paired['difference']):+.2f}"
    if np.isnan(float(p_value)):
        return mean
    low, high = float(paired["low"]), float(paired["high"])
    return f"{mean} [{low:+.2f}, {high:+.2f}], p = {float(p_value):.2g}"
