"""Figures 3 and 7 of the paper: robustness conditions against adversarial accuracy."""

import math
from typing import Any

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pyrosnn.plots.needed import draws
from pyrosnn.plots.style import (
    LINES,
    count,
    curve_style,
    draw_band,
    model_name,
    set_caption,
    set_title,
    share_axis,
    strength_axis,
)
from pyrosnn.results import GROUP, read_provenance, read_spec
from pyrosnn.summaries import accuracy_intervals, interval_end
from pyrosnn.summaries.words import fresh_words


@draws(spec=("smoothing_variance",), variables=("smooth_condition",))
def plot_conditions(result: xr.DataTree, ax: Axes) -> Axes:
    """Draw shares of images against strength: accurate under attack, and within a condition.

    The bands are the intervals of :func:`~pyrosnn.summaries.accuracy.accuracy_intervals`. Vertical
    lines are at sqrt(2 / L): beyond it no image can fulfil the smooth condition. The interval
    condition ends with its last image, at the length in its label.

    Args:
        result: a result of ``conditions``.
        ax: where to draw.
    """
    found = accuracy_intervals(result).isel(attack_samples=-1, inference_samples=-1)
    constants = [float(value) for value in found["smoothness"].values]
    curves = {
        "adversarial accuracy, measured": ("adversarial", found),
        "linear condition": ("linear_condition", found),
        f"interval condition, up to {interval_end(result):.2f}": ("interval_condition", found),
    }
    first_smooth = len(curves)
    variance = read_spec(result)["smoothing_variance"]
    for constant in constants:
        label = f"smooth condition, L = {constant:.3g} = {constant * variance:.3g} / $σ^2$"
        curves[label] = ("smooth_condition", found.sel(smoothness=constant))
    strengths = found["strength"].values
    for index, (label, (name, shares)) in enumerate(curves.items()):
        style = curve_style(index, len(curves))
        line = LINES[index % 4]
        ax.plot(strengths, shares[name].values, label=label, linestyle=line, **style)
        draw_band(ax, shares, name, style["color"])
        if index >= first_smooth:
            _draw_cutoff(ax, constants, index - first_smooth, color=style["color"], line=line)
    strength_axis(ax, str(read_spec(result).get("norm", "l2")), strengths.tolist())
    share_axis(ax, "images")
    ax.grid(alpha=0.3)
    ax.legend(loc="best")
    return ax


def _draw_cutoff(ax: Axes, constants: list[float], index: int, *, color: Any, line: str) -> None:
    """Draw a line at sqrt(2 / L), with its label above the axes, clear of the curves.

    Labels of the largest and the smallest L lie to the outer sides of their lines.
    """
    at = math.sqrt(2 / constants[index])
    ax.axvline(at, color=color, linestyle=line, linewidth=1)
    ax.annotate(
        f"$\\sqrt{{2/L}}$ = {at:.3f}",
        (at, 1.0),
        xycoords=ax.get_xaxis_transform(),
        xytext=(0, 3),
        textcoords="offset points",
        ha="right" if constants[index] == max(constants) else "left",
        color=color,
    )


@draws(
    provenance=("model", "dataset"),
    spec=(
        "noise_samples",
        "smoothing_variance",
        "attack",
        "loss",
        "labels",
        "attack_samples",
        "inference_samples",
    ),
    variables=("smooth_condition",),
)
def conditions_figure(result: xr.DataTree) -> Figure:
    """Draw the conditions of one model.

    Args:
        result: a result of ``conditions``.
    """
    spec, provenance = read_spec(result), read_provenance(result)
    values = result[GROUP].dataset
    figure = Figure(figsize=(6.4, 4.2), layout="constrained", dpi=150)
    plot_conditions(result, figure.subplots())
    set_title(
        figure,
        f"{model_name(provenance, spec)} on {provenance['dataset']}, "
        f"{spec['noise_samples']} noises of variance {spec['smoothing_variance']:g}",
        f"{count(values.sizes['example'], 'image')}, {count(values.sizes['repeat'], 'repeat')}, "
        f"$S_A$ = {max(spec['attack_samples']):,}, $S_I$ = {max(spec['inference_samples']):,}",
    )
    set_caption(figure, f"Bands: {fresh_words(values.sizes['repeat'])}.")
    return figure
