"""Figure of a diagnosis: the cosine that S_A samples reach, and each image's S_A."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pyrosnn.plots.diagnosis_steps import steps_figure
from pyrosnn.plots.needed import require_entries
from pyrosnn.plots.style import (
    AIM,
    count,
    curve_style,
    legend_below,
    model_name,
    one_size,
    say,
    set_caption,
    set_title,
)
from pyrosnn.results import GROUP, read_provenance, read_spec
from pyrosnn.settings import checked_arguments
from pyrosnn.summaries import advise, mean_cosine, reachable_cosine, samples_needed

LARGEST = 10_000
MOST = 100 * LARGEST  # no axis goes further, whatever single images need


@checked_arguments
def diagnosis_figure(result: xr.DataTree) -> Figure:
    """Draw predicted and measured cosines against S_A, and the images by the S_A they need.

    Of an attack whose direction is not the gradient's (another norm, or clipping) the cosines are
    alone. Of an attack in steps it draws accuracies against samples seen.

    Args:
        result: a result of ``diagnosis``.
    """
    if "moments" not in result.children:
        return steps_figure(result)
    require_entries(
        result,
        provenance=("model", "dataset"),
        spec=("share", "num_samples", "inference_samples"),
    )
    spec, provenance = read_spec(result), read_provenance(result)
    moments = result["moments"].dataset
    along_gradient = spec.get("norm", "l2") == "l2" and not spec.get("clip", False)
    figure = Figure(figsize=(9.0 if along_gradient else 5.0, 4.4), layout="constrained", dpi=150)
    left, *right = figure.subplots(1, 1 + along_gradient, squeeze=False)[0]
    _draw_cosines(result, left)
    for ax in right:
        _draw_needed(samples_needed(moments, spec["share"]), ax)
        ax.set_xlabel(f"$S_A$ that reaches {spec['share']:.0%} of an image's ceiling")
    set_title(
        figure,
        f"{model_name(provenance, spec)} on {provenance['dataset']}",
        f"{count(moments.sizes['example'], 'image')}, {spec['num_samples']:,} single samples",
    )
    if result[GROUP].sizes["repeat"] > 1:
        set_caption(figure, "Whiskers: standard deviation over repeats.")
    one_size(figure)
    return figure


def _draw_cosines(result: xr.DataTree, ax: Axes) -> None:
    """Draw the predicted and measured mean cosines that are available."""
    ax.set_xlabel("attack samples $S_A$")
    ax.set_ylabel(f"{AIM}, mean")
    values = result[GROUP].dataset["cosine"].isel(strength=-1, inference_samples=0)
    if not values.notnull().any():
        say(ax, "no image has a gradient")
        return
    measured = values.mean("example", skipna=True)
    drawn = [measured.mean("repeat").values]
    error = measured.std("repeat", ddof=1).values if measured.sizes["repeat"] > 1 else None
    ax.errorbar(
        measured["attack_samples"].values,
        drawn[0],
        yerr=error,
        fmt="o",
        color="black",
        markersize=4.5,
        capsize=3,
        label="measured",
    )
    if not np.isnan(_ceiling(result)):
        drawn.append(_draw_predicted(result, ax))
    least, most = np.nanmin(np.concatenate(drawn)), np.nanmax(np.concatenate(drawn))
    ax.set_xscale("log")
    ax.set_xlim(0.8, 1.25 * LARGEST)
    ax.set_ylim(min(0.0, 1.15 * least), min(1.05, max(0.1, 1.15 * most)))
    ax.grid(alpha=0.3)
    legend_below(ax)


def _ceiling(result: xr.DataTree) -> float:
    size_i = read_spec(result)["inference_samples"]
    return reachable_cosine(result["moments"].dataset, size_i)


def _draw_predicted(result: xr.DataTree, ax: Axes) -> np.ndarray:
    """Draw the predicted curve, its ceiling and the advice; return the cosines drawn."""
    spec, moments = read_spec(result), result["moments"].dataset
    size_i = spec["inference_samples"]
    sizes = np.unique(np.geomspace(1, LARGEST, 60).round())
    cosines: np.ndarray = mean_cosine(moments, sizes.tolist(), size_i).values
    ax.plot(sizes, cosines, color=curve_style(1, 2)["color"], label="predicted")
    ceiling = _ceiling(result)
    ax.axhline(ceiling, color="0.4", linestyle=":", label="ceiling of any $S_A$")
    advice = advise(moments, share=spec["share"], inference_samples=size_i)
    if advice.samples <= LARGEST:
        name = f"{spec['share']:.0%} of the ceiling"
        ax.axvline(advice.samples, color="0.2", linestyle="--", label=name)
    return np.append(cosines, ceiling)


def _draw_needed(needed: xr.Dataset, ax: Axes) -> None:
    """Draw the share of images for which a number of samples is enough, and its interval."""
    ax.set_ylabel("share of images")
    ordered = {name: np.sort(needed[name].values) for name in ("low", "needed", "high")}
    finite = [values[np.isfinite(values)] for values in ordered.values()]
    if not any(map(len, finite)):
        say(ax, "no image has a gradient that can be told from noise")
        return
    limit = min(10 * max(values.max() for values in finite if len(values)), MOST)
    low, estimate, high = (
        np.minimum(np.concatenate([values[:1], values]), limit) for values in ordered.values()
    )
    shares = np.linspace(0, 1, len(low))
    ax.fill_betweenx(shares, low, high, step="pre", color="0.85", label="90 % interval")
    shown = estimate < limit
    color = curve_style(1, 2)["color"]
    ax.step(estimate[shown], shares[shown], where="post", color=color, label="estimate")
    ax.set_xscale("log")
    ax.set_xlim(0.8, limit)
    ax.set_ylim(0, 1.05)
    ax.grid(alpha=0.3)
    legend_below(ax)
