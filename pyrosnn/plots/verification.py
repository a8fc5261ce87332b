"""What is verified against strength, below what an attack leaves."""

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pyrosnn.plots.needed import draws
from pyrosnn.plots.style import (
    count,
    curve_style,
    legend_below,
    model_name,
    set_caption,
    set_title,
    share_axis,
    strength_axis,
)
from pyrosnn.results import read_provenance, read_spec
from pyrosnn.summaries.verification import GROUP, verified_accuracy

NEEDED = ("verified", "verified_share")
# Pairs of a lower and an upper bound of one quantity.
PAIRS = {
    "mean prediction": ("verified", "unbroken"),
    "single samples": ("verified_share", "unbroken_share"),
    "expectation": ("expectation_verified", None),
}


@draws(spec=("norm",), variables=NEEDED, group=GROUP)
def plot_verification(result: xr.DataTree, ax: Axes) -> Axes:
    """Draw each quantity as a band: verified below, under attack above.

    Args:
        result: a result of ``verification``.
        ax: where to draw.
    """
    shares, spec = verified_accuracy(result), read_spec(result)
    strengths = shares["strength"].values
    for index, (label, (low, high)) in enumerate(PAIRS.items()):
        if low not in shares:
            continue
        style = curve_style(index, len(PAIRS))
        ax.plot(strengths, shares[low].values, label=f"{label}, verified", **style)
        if high is not None and high in shares:
            upper = shares[high].values
            ax.plot(strengths, upper, label=f"{label}, attacked", linestyle="--", **style)
            ax.fill_between(strengths, shares[low].values, upper, color=style["color"], alpha=0.12)
    strength_axis(ax, spec["norm"], strengths.tolist())
    share_axis(ax, "right for all δ")
    ax.grid(alpha=0.3)
    legend_below(ax)
    return ax


@draws(
    provenance=("model", "dataset"),
    spec=("norm", "method", "inference_samples"),
    variables=NEEDED,
    group=GROUP,
)
def verification_figure(result: xr.DataTree) -> Figure:
    """Draw what is verified of one model.

    Args:
        result: a result of ``verification``.
    """
    spec, provenance = read_spec(result), read_provenance(result)
    figure = Figure(figsize=(6.4, 4.6), layout="constrained", dpi=150)
    plot_verification(result, figure.subplots())
    set_title(
        figure,
        f"{model_name(provenance, spec)} on {provenance['dataset']}",
        f"{count(result[GROUP].sizes['example'], 'image')}, S_I = {spec['inference_samples']}, "
        f"bounds by {spec['method']}",
    )
    set_caption(figure, "Bands: between what is verified and what an attack leaves, these images.")
    return figure
