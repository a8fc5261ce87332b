"""The tables of the study inference-size: accuracies and factors by S_I, and paired differences."""

import math

import xarray as xr

from pyrosnn.results import GROUP, read_spec
from pyrosnn.results.threats import strength_in
from pyrosnn.summaries import (
    accuracies,
    accuracy_intervals,
    accuracy_on_clean,
    geometry_means,
    paired_differences,
)
from pyrosnn.tables import Cell, Number, Table
from pyrosnn_studies.needs import needs
from pyrosnn_studies.tables import (
    mean_and_sd,
    number,
    percent,
    size,
    sizes_in_words,
    strength_of,
)
from pyrosnn_studies.titles import titled

ACCURACIES = {
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


@needs(GROUP)
def inference_size_tables(result: xr.DataTree) -> list[Table]:
    """Return accuracies, factors of the radius, and paired differences."""
    tables = [_accuracy(result), _factors(result)]
    several = result[GROUP].dataset.sizes["inference_samples"] > 1
    return titled([*tables, _paired(result)] if several else tables, result)


def _accuracy(result: xr.DataTree) -> Table:
    """Return table 2: accuracies by S_I, at the largest S_A and each strength."""
    found = accuracy_intervals(result).isel(attack_samples=-1)
    test = accuracies(result).get("test")
    rows = []
    for strength in found["strength"].values:
        for samples in found["inference_samples"].values:
            of = found.sel(strength=strength, inference_samples=samples)
            cells: list[Cell] = [strength_of(result, strength), size(samples)]
            if test is not None:
                mean = float(test.sel(inference_samples=samples).mean())
                cells.append(Number(value=100 * mean, form=".1f"))
            rows.append([*cells, *[percent(of, name) for name in ACCURACIES]])
    split = ["test split"] if test is not None else []
    return Table(
        title=(
            f"Accuracies in %, S_A = {int(found['attack_samples']):,}\n{sizes_in_words(result)}"
        ),
        columns=["strength", "S_I", *split, *ACCURACIES.values()],
        rows=rows,
        notes=["test split: all its images, mean over repeats."] if split else [],
    )


def _factors(result: xr.DataTree) -> Table:
    """Return what the linear radius is made of, by S_I: means over images, then repeats."""
    means = geometry_means(result).isel(attack_samples=-1, strength=-1)
    eta = strength_in(read_spec(result), float(means["strength"]))
    rows = [
        [size(samples)]
        + [number(*mean_and_sd(means[name].sel(inference_samples=samples))) for name in FACTORS]
        for samples in means["inference_samples"].values
    ]
    return Table(
        title=(
            f"Factors of the linear radius at η = {eta}, mean over images and repeats ± "
            "standard deviation over repeats"
        ),
        columns=["S_I", *FACTORS.values()],
        rows=rows,
    )


def _paired(result: xr.DataTree) -> Table:
    """Return paired differences to the largest S_I, with 95 % intervals over repeats."""
    values = result[GROUP].dataset
    sizes = values["inference_samples"].values
    eta = strength_in(read_spec(result), float(values["strength"].values[-1]))
    slope = geometry_means(result)["slope"]
    compared = {  # and the largest difference that is possible
        "adversarial, points": (accuracies(result)["adversarial"], 1.0),
        "of clean-correct, points": (accuracy_on_clean(result), 1.0),
        "norm × cosine, %": (slope / slope.isel(inference_samples=-1, drop=True), math.inf),
    }
    rows = []
    for samples in sizes[:-1]:
        cells: list[Cell] = [size(samples)]
        for quantity, most in compared.values():
            at = quantity.isel(attack_samples=-1, strength=-1, drop=True)
            differences = paired_differences(at, "inference_samples", most=most)
            paired = differences.sel(inference_samples=samples)
            low, high = (100 * float(paired[end]) for end in ("low", "high"))
            difference = 100 * float(paired["difference"])
            cells.append(Number(value=difference, form="+.2f", low=low, high=high))
            cells.append(Number(value=float(paired["p_value"]), form=".2g"))
        rows.append(cells)
    return Table(
        title=(
            f"Difference to S_I = {sizes[-1]:,} on the same images, η = {eta}\n"
            "[95 % interval over repeats: fresh samples, these images], p of a paired t-test"
        ),
        columns=["S_I", *[name for title in compared for name in (title, _p(title))]],
        rows=rows,
        notes=[f"clean-correct: images that S_I = {sizes[-1]:,} has right before the attack."],
    )


def _p(title: str) -> str:
    """Return the name of the column with the p-values of another."""
    return f"p, {title.rpartition(',')[0]}"
