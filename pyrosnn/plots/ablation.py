"""Accuracies under different readings of the paper's evaluation."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from pyrosnn.plots.needed import require_entries
from pyrosnn.plots.style import count, curve_style, model_name, set_title
from pyrosnn.results import read_provenance, read_spec


def ablation_figure(result: xr.DataTree) -> Figure:
    """Draw adversarial accuracy and cosine of each reading, with one standard deviation.

    Args:
        result: a result of ``ablation``.
    """
    require_entries(
        result,
        provenance=("model", "dataset"),
        spec=("images", "repeats", "strength", "attack_samples", "inference_samples"),
        group="ablation",
    )
    spec, provenance = read_spec(result), read_provenance(result)
    values = result["ablation"].dataset
    names = [str(name) for name in values["variant"].values]
    figure = Figure(figsize=(9.0, 3.4), layout="constrained", dpi=150)
    panels = {"mean_adversarial": "adversarial accuracy", "mean_cosine": "mean cosine"}
    for ax, (name, label) in zip(figure.subplots(1, 2, sharey=True), panels.items(), strict=True):
        mean = values[name].mean("repeat").values
        many = values.sizes["repeat"] > 1
        ax.barh(
            np.arange(len(names)),
            mean,
            xerr=values[name].std("repeat", ddof=1).values if many else None,
            capsize=3,
            color=[curve_style(index, len(names))["color"] for index in range(len(names))],
            edgecolor="black",
            linewidth=0.6,
        )
        ax.set_yticks(np.arange(len(names)), names)
        ax.set_ylim(len(names) - 0.5, -0.5)  # the first on top
        ax.set_xlabel(label)
        ax.set_xlim(0, 1)
        ax.grid(axis="x", alpha=0.3)
    set_title(
        figure,
        f"{model_name(provenance, spec)} on {provenance['dataset']}",
        f"{count(spec['images'], 'image')}, {count(spec['repeats'], 'repeat')}, "
        f"η = {spec['strength']:g}, "
        f"$S_A$ = {spec['attack_samples']}, $S_I$ = {spec['inference_samples']}",
    )
    return figure
