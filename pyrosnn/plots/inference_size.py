"""Figures 6 and 15-17 of the paper: the effect of more inference samples on each factor."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pyrosnn.outputs import find_output
from pyrosnn.plots.needed import JUDGED, draws
from pyrosnn.plots.style import (
    AIM,
    BOXES,
    attack_name,
    count,
    curve_style,
    draw_boxes,
    legend_below,
    model_name,
    set_caption,
    set_title,
    share_axis,
)
from pyrosnn.results import GROUP, read_provenance, read_spec
from pyrosnn.results.threats import strength_in
from pyrosnn.summaries import accuracy_intervals, at_strength
from pyrosnn.summaries.words import fresh_words

CURVES = {
    "clean": "clean",
    "adversarial": "adversarial",
    "adversarial_given_clean": "adversarial,\ngiven clean-correct",
}


@draws(variables=JUDGED)
def plot_accuracies(result: xr.DataTree, ax: Axes, strength: float | None = None) -> Axes:
    """Draw clean and adversarial accuracies against S_I.

    The whiskers are the interval of :func:`~pyrosnn.summaries.accuracy.accuracy_intervals`, for
    fresh samples and fresh images.

    Args:
        result: a result of ``inference-size``.
        ax: where to draw.
        strength: a strength of the result; None takes the largest.
    """
    found = accuracy_intervals(result).isel(attack_samples=-1)
    at = float(found["strength"].max()) if strength is None else strength
    found = found.sel(strength=at)
    sizes = found["inference_samples"].values
    for index, (name, title) in enumerate(CURVES.items()):
        mean, low, high = (found[f"{name}{end}"].values for end in ("", "_low", "_high"))
        style = curve_style(index, len(CURVES))
        line = ("-", "--", ":")[index % 3]
        ax.errorbar(
            np.arange(len(sizes)) + 0.06 * (index - 1),  # beside each other
            mean,
            yerr=[mean - low, high - mean],
            label=title,
            capsize=3,
            linestyle=line,
            **style,
        )
    ax.set_xticks(range(len(sizes)), [f"{size:,}" for size in sizes])
    ax.set_xlabel("inference samples $S_I$")
    share_axis(ax, "accuracy")
    ax.grid(alpha=0.3)
    legend_below(ax)
    return ax


@draws(variables=JUDGED)
def plot_factor(
    result: xr.DataTree, ax: Axes, name: str, label: str, strength: float | None = None
) -> Axes:
    """Draw one factor of the linear radius over images and repeats, one box per S_I.

    The long tails of norm and slope are not drawn beyond the whiskers.

    Args:
        result: a result of ``inference-size``.
        ax: where to draw.
        name: ``cosine``, ``gradient_norm``, ``margin``, or ``slope`` for norm times cosine.
        label: of the vertical axis.
        strength: a strength of the result; None takes the largest.
    """
    if name == "slope":
        cosine = at_strength(result, "cosine", strength)
        values = cosine * at_strength(result, "gradient_norm", strength)
    else:
        values = at_strength(result, name, strength)
    values = values.isel(attack_samples=-1)
    sizes = values["inference_samples"].values
    columns = {f"{size:,}": values.sel(inference_samples=size).values for size in sizes}
    draw_boxes(ax, columns, far=name in ("cosine", "margin"))
    ax.axhline(0.0, color="0.6", linewidth=0.8)
    ax.set_xlabel("inference samples $S_I$")
    ax.set_ylabel(label)
    return ax


@draws(
    provenance=("model", "dataset", "output"),
    spec=("attack", "loss", "labels", "strengths", "attack_samples"),
    variables=(*JUDGED, "gradient_norm", "margin"),
)
def inference_size_figure(result: xr.DataTree) -> Figure:
    """Draw the accuracies and the four factors.

    Args:
        result: a result of ``inference-size``.
    """
    spec, provenance = read_spec(result), read_provenance(result)
    values = result[GROUP].dataset
    unit = find_output(provenance["output"]).unit
    figure = Figure(figsize=(9.0, 6.4), layout="constrained", dpi=150)
    axes = figure.subplots(2, 3).ravel()
    plot_accuracies(result, axes[0])
    factors = {
        "cosine": AIM,
        "margin": f"margin ({unit})",
        "gradient_norm": f"gradient norm\n({unit} / pixel)",
        "slope": f"norm × cosine\n({unit} / pixel)",
    }
    for ax, (name, label) in zip(axes[1:5], factors.items(), strict=True):
        plot_factor(result, ax, name, label)
    axes[0].get_legend().remove()
    axes[5].axis("off")
    handles, labels = axes[0].get_legend_handles_labels()
    axes[5].legend(handles, labels, title="top left: accuracy", loc="upper left")
    set_title(
        figure,
        f"{model_name(provenance, spec)} on {provenance['dataset']}",
        f"{count(values.sizes['example'], 'image')}, {count(values.sizes['repeat'], 'repeat')}, "
        f"{attack_name(spec)}, η = {strength_in(spec, max(spec['strengths']))}, "
        f"$S_A$ = {max(spec['attack_samples']):,}",
    )
    set_caption(
        figure,
        f"Top left: whiskers: {fresh_words(values.sizes['repeat'])}.",
        f"Others: {BOXES}",
        "Values of norm and product beyond the whiskers are not drawn.",
    )
    return figure
