"""Figures 4 and 5 of the paper: the effect of more attack samples on accuracy and angle."""

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pyrosnn.plots.needed import require_entries
from pyrosnn.plots.style import attack_name, count, curve_style, draw_boxes, model_name, set_title
from pyrosnn.results import GROUP, read_provenance, read_spec
from pyrosnn.summaries import accuracies, at_strength

NORM_SYMBOLS = {"l2": "$\\ell_2$", "linf": "$\\ell_\\infty$", "l1": "$\\ell_1$"}


def plot_accuracy(result: xr.DataTree, ax: Axes) -> Axes:
    """Draw adversarial accuracy against strength, one curve per S_A (figure 4).

    The band is one standard deviation over repeats to either side of their mean.

    Args:
        result: a result of ``sample-size``.
        ax: where to draw.
    """
    adversarial = accuracies(result)["adversarial"].isel(inference_samples=-1)
    strengths = adversarial["strength"].values
    sizes = adversarial["attack_samples"].values
    for index, size in enumerate(sizes):
        style = curve_style(index, len(sizes))
        curve = adversarial.sel(attack_samples=size)
        mean = curve.mean("repeat").values
        ax.plot(strengths, mean, label=f"{size:,}", **style)
        if curve.sizes["repeat"] > 1:
            sd = curve.std("repeat", ddof=1).values
            ax.fill_between(
                strengths, mean - sd, mean + sd, color=style["color"], alpha=0.2, linewidth=0
            )
    norm = NORM_SYMBOLS.get(read_spec(result).get("norm", ""), "")
    ax.set_xlabel(f"perturbation strength η ({norm} norm, pixel values)".replace("( norm, ", "("))
    ax.set_ylabel("adversarial accuracy")
    ax.set_ylim(-0.02, 1.02)
    if len(strengths) > 1:  # a single point needs the margin
        ax.set_xlim(left=0)
    ax.grid(alpha=0.3)
    ax.legend(title="attack samples $S_A$")
    return ax


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
    ax.set_ylabel(r"cosine of $-\nabla(f_y - f_j)$ and δ")
    ax.set_ylim(-1.06, 1.06)
    ax.grid(axis="y", alpha=0.3)
    return ax


def sample_size_figure(result: xr.DataTree) -> Figure:
    """Draw both figures side by side.

    Args:
        result: a result of ``sample-size``.
    """
    require_entries(
        result,
        provenance=("model", "dataset"),
        spec=("attack", "loss", "labels", "inference_samples"),
    )
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
    return figure
