"""Figure of a diagnosis of an attack in steps: accuracies against samples seen."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pyrosnn.plots.needed import draws
from pyrosnn.plots.style import attack_name, count, curve_style, legend_below, model_name, set_title
from pyrosnn.results import GROUP, read_provenance, read_spec
from pyrosnn.results.threats import strength_in


@draws(
    provenance=("model", "dataset"),
    spec=("attack", "strength", "inference_samples"),
    variables=("adversarial_correct", "num_gradients"),
)
def steps_figure(result: xr.DataTree) -> Figure:
    """Draw the accuracy that each S_A leaves, and that of other divisions of one budget.

    Args:
        result: a result of ``diagnosis`` without the group ``moments``.
    """
    spec, provenance = read_spec(result), read_provenance(result)
    attacked = result[GROUP].dataset.isel(strength=-1, inference_samples=0)
    divided = result["divisions"].dataset if "divisions" in result.children else None
    width = 5.0 if divided is None else 9.0
    figure = Figure(figsize=(width, 4.4), layout="constrained", dpi=150)
    left, *right = figure.subplots(1, 1 if divided is None else 2, squeeze=False)[0]
    sizes = attacked["attack_samples"].values
    seen = attacked["num_gradients"].max("repeat").values
    counted = bool((seen > 0).all())
    _draw(left, seen if counted else sizes, attacked["adversarial_correct"], sizes, "$S_A$")
    left.set_xlabel("samples seen for each image" if counted else "attack samples $S_A$")
    for ax in right:
        assert divided is not None
        steps = divided["divided_steps"].isel(repeat=0).values
        _draw(ax, divided["attack_samples"].values, divided["divided_correct"], steps, "steps")
        ax.set_xlabel("attack samples $S_A$, at equal $S_A$ × steps")
    set_title(
        figure,
        f"{model_name(provenance, spec)} on {provenance['dataset']}",
        f"{attack_name(spec)} at η = {strength_in(spec, spec['strength'])}, "
        f"{count(attacked.sizes['example'], 'image')}",
    )
    return figure


def _draw(ax: Axes, places: np.ndarray, correct: xr.DataArray, names: np.ndarray, of: str) -> None:
    """Draw means over images, with the standard deviation over repeats, each with a number."""
    shares = correct.mean("example").transpose("repeat", "attack_samples").values
    error = shares.std(0, ddof=1) if len(shares) > 1 else None
    means = shares.mean(0)
    style = curve_style(1, 2)
    ax.errorbar(
        places,
        means,
        yerr=error,
        fmt="o-",
        color=style["color"],
        capsize=3,
        label=f"mean ± standard deviation over repeats; numbers are {of}",
    )
    for place, mean, name in zip(places, means, names, strict=True):
        ax.annotate(f"{name:,}", (place, mean), xytext=(6, 6), textcoords="offset points")
    ax.set_xscale("log")
    ax.set_ylim(-0.02, max(0.1, min(1.05, 1.3 * float(np.nanmax(means)))))
    ax.set_ylabel("accuracy")
    ax.grid(alpha=0.3)
    legend_below(ax)
