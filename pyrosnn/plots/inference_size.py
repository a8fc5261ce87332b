"""Figures 6 and 15-17 of the paper: the effect of more inference samples on each factor."""

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pyrosnn.outputs import find_output
from pyrosnn.plots.needed import require_entries
from pyrosnn.plots.style import attack_name, count, curve_style, draw_boxes, model_name, set_title
from pyrosnn.results import GROUP, read_provenance, read_spec
from pyrosnn.summaries import accuracies, at_strength

CURVES = {
    "clean": "clean",
    "adversarial": "adversarial",
    "adversarial_given_clean": "adversarial, given clean-correct",
}


def plot_accuracies(result: xr.DataTree, ax: Axes, strength: float | None = None) -> Axes:
    """Draw clean and adversarial accuracies against S_I, with one standard deviation.

    Args:
        result: a result of ``inference-size``.
        ax: where to draw.
        strength: a strength of the result; None takes the largest.
    """
    means = accuracies(result).isel(attack_samples=-1)
    at = float(means["strength"].max()) if strength is None else strength
    sizes = means["inference_samples"].values
    for index, (name, title) in enumerate(CURVES.items()):
        curve = means[name]
        curve = curve.sel(strength=at) if "strength" in curve.dims else curve
        bars = curve.std("repeat", ddof=1).values if curve.sizes["repeat"] > 1 else None
        style = curve_style(index, len(CURVES))
        line = ("-", "--", ":")[index % 3]
        ax.errorbar(
            range(len(sizes)),
            curve.mean("repeat").values,
            yerr=bars,
            label=title,
            capsize=3,
            linestyle=line,
            **style,
        )
    ax.set_xticks(range(len(sizes)), [f"{size:,}" for size in sizes])
    ax.set_xlabel("inference samples $S_I$")
    ax.set_ylabel("accuracy")
    ax.set_ylim(-0.02, 1.02)
    ax.grid(alpha=0.3)
    ax.legend(fontsize="x-small")
    return ax


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


def inference_size_figure(result: xr.DataTree) -> Figure:
    """Draw the accuracies and the four factors.

    Args:
        result: a result of ``inference-size``.
    """
    require_entries(
        result,
        provenance=("model", "dataset", "output"),
        spec=("attack", "loss", "labels", "strengths", "attack_samples"),
    )
    spec, provenance = read_spec(result), read_provenance(result)
    values = result[GROUP].dataset
    unit = find_output(provenance["output"]).unit
    figure = Figure(figsize=(9.0, 5.8), layout="constrained", dpi=150)
    axes = figure.subplots(2, 3).ravel()
    plot_accuracies(result, axes[0])
    factors = {
        "cosine": "cosine",
        "margin": f"margin ({unit})",
        "gradient_norm": f"gradient norm ({unit} / pixel)",
        "slope": f"norm × cosine ({unit} / pixel)",
    }
    for ax, (name, label) in zip(axes[1:5], factors.items(), strict=True):
        plot_factor(result, ax, name, label)
    axes[0].get_legend().remove()
    axes[5].axis("off")
    handles, labels = axes[0].get_legend_handles_labels()
    axes[5].legend(handles, labels, title="top left: accuracy", loc="upper left")
    axes[5].text(
        0.02,
        0.4,
        "Boxes: images and repeats,\ncross: mean. Far values of norm\nand product are not drawn.",
        fontsize="small",
        va="top",
    )
    set_title(
        figure,
        f"{model_name(provenance, spec)} on {provenance['dataset']}",
        f"{count(values.sizes['example'], 'image')}, {count(values.sizes['repeat'], 'repeat')}, "
        f"{attack_name(spec)}, η = {max(spec['strengths']):g}, "
        f"$S_A$ = {max(spec['attack_samples']):,}",
    )
    return figure
