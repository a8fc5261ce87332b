"""Accuracies under different readings of the paper's evaluation."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from pyrosnn.plots.needed import draws
from pyrosnn.plots.style import (
    AIM,
    count,
    curve_style,
    model_name,
    set_caption,
    set_title,
    share_axis,
)
from pyrosnn.results import read_provenance, read_spec
from pyrosnn.results.threats import strength_in
from pyrosnn.statistics import share_interval_of_means
from pyrosnn.summaries.words import fresh_words


@draws(
    provenance=("model", "dataset"),
    spec=("images", "repeats", "strength", "attack_samples", "inference_samples"),
    variables=("variant", "mean_adversarial", "mean_cosine"),
    group="ablation",
)
def ablation_figure(result: xr.DataTree) -> Figure:
    """Draw adversarial accuracy and cosine of each reading.

    The whiskers of accuracies are their interval for fresh samples and fresh images, those of
    cosines one standard deviation over repeats.

    Args:
        result: a result of ``ablation``.
    """
    spec, provenance = read_spec(result), read_provenance(result)
    values = result["ablation"].dataset
    names = [str(name) for name in values["variant"].values]
    figure = Figure(figsize=(9.0, 3.4), layout="constrained", dpi=150)
    left, right = figure.subplots(1, 2, sharey=True)
    for ax, name in ((left, "mean_adversarial"), (right, "mean_cosine")):
        mean = values[name].mean("repeat").values
        ax.barh(
            np.arange(len(names)),
            mean,
            xerr=_whiskers(values[name], spec["images"], accuracy=ax is left),
            capsize=3,
            color=[curve_style(index, len(names))["color"] for index in range(len(names))],
            edgecolor="black",
            linewidth=0.6,
        )
        ax.set_yticks(np.arange(len(names)), names)
        ax.set_ylim(len(names) - 0.5, -0.5)  # the first on top
        ax.grid(axis="x", alpha=0.3)
    share_axis(left, "adversarial accuracy", vertical=False)
    left.set_xlim(0, 1)
    right.set_xlabel(f"{AIM}, mean")
    right.set_xlim(0, 1)
    set_title(
        figure,
        f"{model_name(provenance, spec)} on {provenance['dataset']}",
        f"{count(spec['images'], 'image')}, {count(spec['repeats'], 'repeat')}, "
        f"η = {strength_in(spec, spec['strength'])}, "
        f"$S_A$ = {spec['attack_samples']}, $S_I$ = {spec['inference_samples']}",
    )
    repeats = values.sizes["repeat"]
    of_cosines = "; right: standard deviation over repeats" if repeats > 1 else ""
    set_caption(figure, f"Whiskers, left: {fresh_words(repeats)}{of_cosines}.")
    return figure


def _whiskers(means: xr.DataArray, images: int, *, accuracy: bool) -> np.ndarray | None:
    """Return what whiskers reach to the left and the right of each mean."""
    by_variant = means.transpose("variant", "repeat").to_numpy()
    if not accuracy:
        return by_variant.std(axis=1, ddof=1) if by_variant.shape[1] > 1 else None
    center = by_variant.mean(axis=1)
    low, high = np.transpose([share_interval_of_means(of, images) for of in by_variant])
    return np.stack([center - low, high - center])
