"""Table 1 of the paper as a figure: how single predictions and their gradients vary."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from pyrosnn.plots.style import count, curve_style, model_name, set_title
from pyrosnn.results import read_provenance, read_spec


def variation_figure(result: xr.DataTree) -> Figure:
    """Draw the spread of predictions, and gradient length against gradient spread, by image.

    Args:
        result: a result of ``prediction-variance``.
    """
    spec, provenance = read_spec(result), read_provenance(result)
    values = result["variation"].dataset
    unit = "logit" if provenance["output"] == "logits" else "probability"
    figure = Figure(figsize=(9.0, 3.8), layout="constrained", dpi=150)
    left, right = figure.subplots(1, 2)
    left.hist(values["prediction_std"].values, bins=40, color=curve_style(1, 2)["color"])
    mean = float(values["prediction_std"].mean())
    left.axvline(mean, color="black", linestyle="--", label=f"mean {mean:.3g}")
    left.set_xlabel(f"standard deviation of single $f_y$ ({unit})")
    left.set_ylabel("images")
    left.legend()
    for index, gradient in enumerate(values["gradient"].values):
        of = values.sel(gradient=gradient)
        length = np.sqrt(of["gradient_square"].clip(min=0).values)
        spread = np.sqrt(of["gradient_trace"].values)
        shown = (length > 0) & (spread > 0)
        style = curve_style(index, 2)
        right.scatter(
            spread[shown],
            length[shown],
            s=8,
            marker=style["marker"],
            color=style["color"],
            alpha=0.4,
            linewidths=0,
            label="label $f_y$" if gradient == "label" else "margin $f_y - f_c$",
        )
    right.axline((1, 1), slope=1, color="0.4", linestyle=":", linewidth=1)
    right.set_xscale("log")
    right.set_yscale("log")
    right.set_xlabel(r"spread of one sample's gradient, $\sqrt{\mathrm{tr}\,\Sigma}$")
    right.set_ylabel("length of the expected gradient, ‖μ‖")
    right.set_title(f"in {unit} / pixel", fontsize="small")
    right.grid(alpha=0.3)
    right.legend()
    set_title(
        figure,
        f"{model_name(provenance, spec)} on {provenance['dataset']}",
        f"{count(values.sizes['example'], 'image')}, {spec['num_samples']:,} single samples",
    )
    return figure
