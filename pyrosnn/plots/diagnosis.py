"""What a diagnosis shows: the cosine that S_A samples reach, and what each image needs."""

import math

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from pyrosnn.plots.style import count, curve_style, model_name, set_title
from pyrosnn.results import GROUP, read_provenance, read_spec
from pyrosnn.summaries import advise, mean_cosine, samples_needed

LARGEST = 10_000


def diagnosis_figure(result: xr.DataTree) -> Figure:
    """Draw predicted and measured cosines against S_A, and the images by the S_A they need.

    Args:
        result: a result of ``diagnosis``.
    """
    spec, provenance = read_spec(result), read_provenance(result)
    moments = result["moments"].dataset
    size_i = spec["inference_samples"]
    figure = Figure(figsize=(9.0, 3.8), layout="constrained", dpi=150)
    left, right = figure.subplots(1, 2)
    sizes = np.unique(np.geomspace(1, LARGEST, 60).round())
    style = curve_style(1, 2)
    cosines = mean_cosine(moments, [*sizes.tolist(), math.inf], size_i).values
    left.plot(sizes, cosines[:-1], color=style["color"], label="predicted")
    left.axhline(cosines[-1], color="0.4", linestyle=":", label="ceiling")
    values = result[GROUP].dataset["cosine"].isel(strength=-1, inference_samples=0)
    measured = values.mean("example", skipna=True)
    error = measured.std("repeat", ddof=1) if measured.sizes["repeat"] > 1 else None
    left.errorbar(
        measured["attack_samples"].values,
        measured.mean("repeat").values,
        yerr=None if error is None else error.values,
        fmt="o",
        color="black",
        markersize=4.5,
        capsize=3,
        label="measured",
    )
    advice = advise(moments, share=spec["share"], inference_samples=size_i)
    if math.isfinite(advice.samples) and advice.samples <= LARGEST:
        left.axvline(
            advice.samples, color="0.2", linestyle="--", label=f"{spec['share']:.0%} of the ceiling"
        )
    left.set_xscale("log")
    left.set_ylim(bottom=0)
    left.set_xlabel("attack samples S_A")
    left.set_ylabel("mean cosine")
    left.grid(alpha=0.3)
    left.legend(fontsize="small")
    needed = samples_needed(moments, spec["share"])
    for name, line in (("low", ":"), ("needed", "-"), ("high", "--")):
        ordered = np.sort(needed[name].values)
        shares = np.arange(1, len(ordered) + 1) / len(ordered)
        shown = np.isfinite(ordered)
        label = {"low": "90 % interval", "needed": "estimate", "high": None}[name]
        right.step(
            ordered[shown],
            shares[shown],
            line,
            where="post",
            color=style["color"] if name == "needed" else "0.5",
            label=label,
        )
    right.set_xscale("log")
    right.set_xlim(1, 100 * LARGEST)
    right.set_ylim(0, 1)
    right.set_xlabel(f"S_A that reaches {spec['share']:.0%} of an image's ceiling")
    right.set_ylabel("share of images")
    right.grid(alpha=0.3)
    right.legend(fontsize="small")
    set_title(
        figure,
        f"{model_name(provenance, spec)} on {provenance['dataset']}",
        f"{count(moments.sizes['example'], 'image')}, {spec['num_samples']:,} single samples",
    )
    return figure
