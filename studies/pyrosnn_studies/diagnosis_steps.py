"""What a diagnosis says of an attack in steps: measured accuracies, counted in samples seen."""

import math

import xarray as xr

from pyrosnn.results import GROUP, read_spec
from pyrosnn.results.threats import strength_in
from pyrosnn.summaries import mean_reach
from pyrosnn.tables import Number, Table
from pyrosnn_studies.needs import needs
from pyrosnn_studies.tables import mean_and_sd, number, percent_of_means

DIVISIONS, FIRST_STEP = "divisions", "first_step"
INTERVAL = "[95 % interval for fresh samples and fresh images]"
LARGE = 0.01  # a difference between two accuracies that matters


@needs(GROUP)
def tables_of_steps(result: xr.DataTree) -> list[Table]:
    """Return the measured sizes, and the divisions of one budget where they were measured."""
    tables = [_by_size(result)]
    if DIVISIONS in result.children:
        tables.append(_by_division(result))
    return tables


@needs(GROUP)
def verdict_of_steps(result: xr.DataTree) -> str:
    """Return which S_A is enough, of those that were measured."""
    attacked = _attacked(result)
    accuracy = attacked["adversarial_correct"].mean(("repeat", "example"))
    lowest, (sizes, enough) = float(accuracy.min()), _enough(result)
    seen, strongest = _seen(attacked), sizes[int(accuracy.values.argmin())]
    left = 100 * float(accuracy.sel(attack_samples=enough))
    lines = [
        f"S_A = {enough:,}{_count(seen[enough])} leaves {left:.1f} % of the images correct. "
        f"Of the sizes that were measured it is the smallest within {100 * LARGE:.0f} point of the "
        f"strongest (S_A = {strongest:,}: {100 * lowest:.1f} %)."
    ]
    if enough == sizes[-1] and len(sizes) > 1:
        fall = 100 * float(accuracy[-2] - accuracy[-1])
        lines.append(
            f"It is the largest, and the accuracy still falls by {fall:.1f} points from "
            f"S_A = {sizes[-2]:,}: measure larger --attack-samples."
        )
    if DIVISIONS in result.children:
        divided = result[DIVISIONS].dataset
        shares = divided["divided_correct"].mean(("repeat", "example"))
        best = int(shares["attack_samples"].values[int(shares.values.argmin())])
        steps = int(divided["divided_steps"].isel(repeat=0).sel(attack_samples=best))
        lines.append(
            f"Of {best * steps:,} samples seen, S_A = {best:,} in {steps:,} steps makes the most "
            f"({100 * float(shares.min()):.1f} %)."
        )
    return "\n".join(lines)


@needs(GROUP)
def conclusion_of_steps(result: xr.DataTree) -> str:
    """Return in a few words which S_A to attack with, and whether the sizes allow to say so."""
    sizes, enough = _enough(result)
    if len(sizes) == 1:
        more = f"--attack-samples {enough},{10 * enough}"
        return f"one size alone does not tell which S_A is enough; measure more with {more}."
    if enough == sizes[-1]:
        return (
            f"S_A up to {enough:,} do not tell which S_A is enough, as the largest is the "
            "strongest; measure larger --attack-samples."
        )
    return (
        f"attack with --attack-samples {enough}; the larger sizes up to {sizes[-1]:,} leave at "
        f"most {100 * LARGE:.0f} point less."
    )


def _enough(result: xr.DataTree) -> tuple[list[int], int]:
    """Return the sizes, and the smallest that is as strong as the strongest of them, or nearly."""
    accuracy = _attacked(result)["adversarial_correct"].mean(("repeat", "example"))
    sizes = accuracy["attack_samples"].values.tolist()
    limit = float(accuracy.min()) + LARGE
    return sizes, next(s for s in sizes if accuracy.sel(attack_samples=s) <= limit)


def _attacked(result: xr.DataTree) -> xr.Dataset:
    return result[GROUP].dataset.isel(strength=-1, inference_samples=0)


def _seen(attacked: xr.Dataset) -> dict[int, int]:
    """Return how many samples the attack sees for each image, by S_A."""
    counts = attacked["num_gradients"].max("repeat")
    return {int(size): int(counts.sel(attack_samples=size)) for size in counts["attack_samples"]}


def _count(seen: int) -> str:
    return f" ({seen:,} samples seen)" if seen else ""


def _by_size(result: xr.DataTree) -> Table:
    """Return what each S_A reaches, measured; and the first step alone with as many samples."""
    spec, attacked = read_spec(result), _attacked(result)
    seen, size_i = _seen(attacked), spec["inference_samples"]
    first, images = FIRST_STEP in result.children, attacked.sizes["example"]
    correct = attacked["adversarial_correct"].mean("example")
    cosine = attacked["cosine"].mean("example", skipna=True)
    rows = []
    for size, number_seen in seen.items():
        row = [
            Number(value=size, form=","),
            Number(value=number_seen or math.nan, form=","),
            percent_of_means(correct.sel(attack_samples=size), images),
            number(*mean_and_sd(cosine.sel(attack_samples=size))),
        ]
        if first:
            moments = result[FIRST_STEP].dataset
            reach = mean_reach(moments, [max(number_seen, 1)], size_i).item()
            row.append(Number(value=100 * reach, form=".1f"))
        rows.append(row)
    steps = spec["attack_options"].get("steps")
    name = spec["attack"] + (f", {steps:,} steps" if steps else "")
    header = ["S_A", "samples seen", "accuracy, %", "cosine"]
    return Table(
        title=(
            f"{verdict_of_steps(result)}\n\nWhat S_A samples in each step reach: {name}, "
            f"η = {strength_in(spec, spec['strength'])} in {spec['norm']}, S_I = {size_i:,}\n"
            f"{INTERVAL}"
        ),
        columns=[*header, "reach of one step, %"] if first else header,
        rows=rows,
    )


def _by_division(result: xr.DataTree) -> Table:
    """Return what one budget of samples reaches, divided into steps in several ways."""
    values = result[DIVISIONS].dataset
    correct = values["divided_correct"].mean("example")
    cosine = values["divided_cosine"].mean("example", skipna=True)
    images = values.sizes["example"]
    rows = []
    for size in values["attack_samples"].values:
        steps = int(values["divided_steps"].isel(repeat=0).sel(attack_samples=size))
        rows.append(
            [
                *(Number(value=int(count), form=",") for count in (size, steps, size * steps)),
                percent_of_means(correct.sel(attack_samples=size), images),
                number(*mean_and_sd(cosine.sel(attack_samples=size))),
            ]
        )
    return Table(
        title=f"Equal S_A × steps: how to divide the samples that the attack sees\n{INTERVAL}",
        columns=["S_A", "steps", "samples seen", "accuracy, %", "cosine"],
        rows=rows,
    )
