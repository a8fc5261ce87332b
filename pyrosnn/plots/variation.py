"""Table 1 of the paper as a figure: the variation of predictions and of their gradients."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pyrosnn.outputs import find_output
from pyrosnn.plots.needed import draws
from pyrosnn.plots.style import (
    count,
    curve_style,
    model_name,
    one_size,
    say,
    set_title,
    short_log_labels,
)
from pyrosnn.results import read_provenance, read_spec


@draws(
    provenance=("model", "dataset", "output"),
    spec=("num_samples",),
    variables=("prediction_std", "gradient_square", "gradient_trace"),
    group="variation",
)
def variation_figure(result: xr.DataTree) -> Figure:
    """Draw the spread of predictions, and gradient length against gradient spread, by image.

    Args:
        result: a result of ``prediction-variance``.
    """
    spec, provenance = read_spec(result), read_provenance(result)
    values = result["variation"].dataset
    unit = find_output(provenance["output"]).unit
    figure = Figure(figsize=(9.0, 3.8), layout="constrained", dpi=150)
    left, right = figure.subplots(1, 2)
    _draw_spread(values["prediction_std"], left)
    left.set_xlabel(f"standard deviation of single $f_y$ ({unit})")
    _draw_gradients(values, right)
    right.set_title(f"in {unit} / pixel")
    set_title(
        figure,
        f"{model_name(provenance, spec)} on {provenance['dataset']}",
        f"{count(values.sizes['example'], 'image')}, {spec['num_samples']:,} single samples",
    )
    one_size(figure)
    return figure


def _draw_spread(std: xr.DataArray, ax: Axes) -> None:
    """Draw the number of images by standard deviation."""
    ax.hist(std.values, bins=40, color=curve_style(1, 2)["color"])
    mean = float(std.mean())
    ax.axvline(mean, color="black", linestyle="--", label=f"mean {mean:.3g}")
    ax.set_ylabel("images")
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend()


def _draw_gradients(values: xr.Dataset, ax: Axes) -> None:
    """Draw the length of each image's expected gradient against the spread of single ones."""
    ax.set_xlabel(r"spread of one sample's gradient, $\sqrt{\mathrm{tr}\,\Sigma}$")
    ax.set_ylabel("length of the expected gradient, ‖μ‖")
    lengths = values["gradient_square"].clip(min=0) ** 0.5
    spreads = values["gradient_trace"] ** 0.5
    shown = (lengths > 0) & (spreads > 0)
    if not shown.any():
        say(ax, "no image has a gradient that varies")
        return
    for index, gradient in enumerate(values["gradient"].values):
        style = curve_style(index, 2)
        ax.scatter(
            spreads.where(shown).sel(gradient=gradient).values,
            lengths.where(shown).sel(gradient=gradient).values,
            s=8,
            marker=style["marker"],
            color=style["color"],
            alpha=0.4,
            linewidths=0,
            label="label $f_y$" if gradient == "label" else "margin $f_y - f_c$",
        )
    # where the line is anchored, the axes reach: (1, 1) may be far from all images
    middle = float(np.exp(np.log(spreads.where(shown)).mean()))
    ax.axline((middle, middle), slope=1, color="0.4", linestyle=":", linewidth=1)
    ax.set_xscale("log")
    ax.set_yscale("log")
    short_log_labels(ax)
    ax.grid(alpha=0.3)
    ax.legend()
