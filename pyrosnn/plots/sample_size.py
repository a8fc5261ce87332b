"""Figures 4 and 5 of the paper: the effect of more attack samples on accuracy and angle."""

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pyrosnn.plots.needed import JUDGED, draws
from pyrosnn.plots.style import (
    AIM,
    BOXES,
    attack_name,
    count,
    curve_style,
    draw_band,
    draw_boxes,
    model_name,
    set_caption,
    set_title,
    share_axis,
    strength_axis,
)
from pyrosnn.results import GROUP, read_provenance, read_spec
from pyrosnn.summaries import accuracy_intervals, at_strength
from pyrosnn.summaries.words import fresh_words


@draws(variables=JUDGED)
def plot_accuracy(result: xr.DataTree, ax: Axes) -> Axes:
    """Draw adversarial accuracy against strength, one curve per S_A (figure 4).

    The band is the interval of :func:`~pyrosnn.summaries.accuracy.accuracy_intervals`, for fresh
    samples and fresh images.

    Args:
        result: a result of ``sample-size``.
        ax: where to draw.
    """
    found = accuracy_intervals(result).isel(inference_samples=-1)
    strengths, sizes = found["strength"].values, found["attack_samples"].values
    for index, size in enumerate(sizes):
        style = curve_style(index, len(sizes))
        curve = found.sel(attack_samples=size)
        ax.plot(strengths, curve["adversarial"].values, label=f"{size:,}", **style)
        draw_band(ax, curve, "adversarial", style["color"])
    strength_axis(ax, str(read_spec(result).get("norm", "")), strengths.tolist())
    share_axis(ax, "adversarial accuracy")
    ax.grid(alpha=0.3)
    ax.legend(title="attack samples $S_A$")
    return ax


@draws(variables=JUDGED)
def plot_cosines(result: xr.DataTree, ax: Axes, strength: float | None = None) -> Axes:
    r"""Draw the distribution of cosines over images and repeats, one box per S_A (figure 5).

    Boxes hold the middle half, whiskers reach 1.5 box lengths, the cross is the mean.

    Args:
        result: a result of ``sample-size``.
        ax: where to draw.
        strength: a strength of the result; None takes the largest.
    """
    cosine = at_strength(result, "cosine", strength).isel(inference_samples=-1)
    sizes = cosine["attack_samples"].values
    draw_boxes(ax, {f"{size:,}": cosine.sel(attack_samples=size).values for size in sizes})
    ax.axhline(0.0, color="0.6", linewidth=0.8)
    ax.set_xlabel("attack samples $S_A$")
    ax.set_ylabel(AIM)
    ax.set_ylim(-1.06, 1.06)
    ax.grid(axis="y", alpha=0.3)
    return ax


@draws(
    provenance=("model", "dataset"),
    spec=("attack", "loss", "labels", "inference_samples"),
    variables=JUDGED,
)
def sample_size_figure(result: xr.DataTree) -> Figure:
    """Draw both figures side by side.

    Args:
        result: a result of ``sample-size``.
    """
    spec, provenance = read_spec(result), read_provenance(result)
    values = result[GROUP].dataset
    figure = Figure(figsize=(9.0, 3.8), layout="constrained", dpi=150)
    left, right = figure.subplots(1, 2)
    plot_accuracy(result, left)
    plot_cosines(result, right)
    set_title(
        figure,
        f"{model_name(provenance, spec)} on {provenance['dataset']}",
        f"{count(values.sizes['example'], 'image')}, {count(values.sizes['repeat'], 'repeat')}, "
        f"{attack_name(spec)}, $S_I$ = {max(spec['inference_samples']):,}",
    )
    bands = f"Left: bands: {fresh_words(values.sizes['repeat'])}."
    set_caption(figure, bands, f"Right: {BOXES}")
    return figure
