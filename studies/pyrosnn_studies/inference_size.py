"""`inference-size`: what more inference samples do, and do not do (table 2, figures 6, 15-17)."""

import xarray as xr

from pyrosnn.plots import inference_size_figure
from pyrosnn.results import GROUP
from pyrosnn.summaries import accuracies, geometry_means, paired_differences
from pyrosnn_studies.study import grid_study
from pyrosnn_studies.tables import Table, number, percent

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


def _tables(result: xr.DataTree) -> list[Table]:
    return [_accuracy(result), _factors(result), _paired(result)]


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
                + [percent(*_mean_and_sd(cell[name])) for name in shown]
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
    rows = [
        [f"{size:,}"]
        + [number(*_mean_and_sd(means[name].sel(inference_samples=size))) for name in FACTORS]
        for size in means["inference_samples"].values
    ]
    return Table(
        title="Factors of the linear radius, mean over images ± standard deviation over repeats",
        header=["S_I", *FACTORS.values()],
        rows=rows,
    )


def _paired(result: xr.DataTree) -> Table:
    """Return paired differences to the largest S_I, with 95 % intervals over repeats."""
    sizes = result[GROUP].dataset["inference_samples"].values
    title = f"Difference to S_I = {sizes[-1]:,} on the same images, 95 % interval over repeats"
    accuracy = accuracies(result).isel(attack_samples=-1, strength=-1)
    factors = geometry_means(result).isel(attack_samples=-1, strength=-1)
    rows = []
    for size in sizes[:-1]:
        cells = [f"{size:,}"]
        for values, scale in (
            (accuracy["adversarial"], 100.0),
            (accuracy["adversarial_given_clean"], 100.0),
            (factors["slope"] / factors["slope"].sel(inference_samples=sizes[-1]), 100.0),
        ):
            found = paired_differences(values, "inference_samples").sel(inference_samples=size)
            low, high = float(found["low"]) * scale, float(found["high"]) * scale
            cells.append(f"{float(found['difference']) * scale:+.2f} [{low:+.2f}, {high:+.2f}]")
        rows.append(cells)
    return Table(
        title=title,
        header=["S_I", "adversarial, points", "given clean-correct, points", "norm × cosine, %"],
        rows=rows,
    )


def _mean_and_sd(values: xr.DataArray) -> tuple[float, float]:
    sd = float(values.std("repeat", ddof=1)) if values.sizes["repeat"] > 1 else float("nan")
    return float(values.mean("repeat")), sd


STUDY = grid_study("inference-size", tables=_tables, figure=inference_size_figure)
