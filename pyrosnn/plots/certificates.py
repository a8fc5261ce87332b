"""Certified accuracy against radius, below the accuracy under attack."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pyrosnn.plots.needed import draws
from pyrosnn.plots.style import (
    count,
    kind_style,
    legend_below,
    model_name,
    one_size,
    set_title,
    share_axis,
)
from pyrosnn.results import read_provenance, read_spec
from pyrosnn.summaries.certificates import (
    GROUP,
    attacked_at,
    certified_accuracy,
    data_set_certificate,
)

NEEDED = ("certified_radius", "certified_class", "own_correct", "noise_scale", "distance")


@draws(spec=("alpha",), variables=NEEDED, group=GROUP)
def plot_certificates(result: xr.DataTree, ax: Axes) -> Axes:
    """Draw a step for each certified radius, and the attack's accuracy at the radii of the result.

    Args:
        result: a result of ``certificates``, or of a standard evaluation with certificates.
        ax: where to draw.
    """
    values = result[GROUP].dataset
    radii = values["distance"].values
    fine = certified_accuracy(_with_fine_radii(result))
    curves = {str(name): fine.sel(certificate=name) for name in fine["certificate"].values}
    curves["one draw, over images"] = data_set_certificate(
        _with_fine_radii(result), alpha=read_spec(result)["alpha"]
    )
    if "interval_held" in values:
        curves["interval condition"] = values["interval_held"].mean("example")
    attacked = attacked_at(result)
    if attacked is not None:
        curves["under attack (upper bound)"] = attacked.mean(["repeat", "example"])
    for index, (label, curve) in enumerate(curves.items()):
        of_attack = label.startswith("under attack")  # black, whatever others there are
        style, x = kind_style(-1 if of_attack else index), curve["distance"].values
        if len(x) > len(radii):  # not measured at the result's radii alone
            style["marker"] = ""
        ax.plot(x, curve.values, label=label, **style)
    scale = float(values["noise_scale"])
    ax.set_xlabel(f"radius ($\\ell_2$, pixel values; σ = {scale:.3g})")
    share_axis(ax, "images")
    ax.set_xlim(left=0)
    ax.grid(alpha=0.3)
    legend_below(ax)
    return ax


def _with_fine_radii(result: xr.DataTree, number: int = 200) -> xr.DataTree:
    """Return the certificates alone, with radii so close that curves look continuous."""
    values = result[GROUP].dataset
    names = ["certified_radius", "certified_class", "own_correct", "noise_scale"]
    most = float(values["distance"].max()) or float(values["noise_scale"])
    if values.sizes["distance"] == 1:  # one strength says nothing of where curves end
        most = float(np.nanmax([most, *values["certified_radius"].values.ravel()]))
    kept = values[names].drop_vars("distance", errors="ignore")
    fine = kept.assign_coords(distance=[most * i / number for i in range(number + 1)])
    return xr.DataTree.from_dict({f"/{GROUP}": fine})


def certificate_figure(result: xr.DataTree) -> Figure:
    """Draw the certificate of a standard evaluation, as wide as a phone shows well.

    Args:
        result: a result of the standard evaluation with certificates.
    """
    figure = Figure(figsize=(5.0, 5.2), layout="constrained", dpi=200)
    plot_certificates(result, figure.subplots())
    one_size(figure)
    return figure


def certificate_in_words(result: xr.DataTree) -> str:
    """Return the numbers of :func:`certificate_figure`, as a text alternative."""
    shares = certified_accuracy(result)
    attacked = attacked_at(result)
    parts = [
        f"beyond {float(radius):.3g}: "
        + ", ".join(
            f"{name} {100 * float(shares.sel(certificate=name)[place]):.1f} %"
            for name in map(str, shares["certificate"].values)
        )
        + (
            ""
            if attacked is None
            else f", attacked {100 * float(attacked[..., place].mean()):.1f} %"
        )
        for place, radius in enumerate(shares["distance"].values)
    ]
    return f"Images that are certified {'; '.join(parts)}."


@draws(
    provenance=("model", "dataset"),
    spec=("alpha", "num_samples"),
    variables=NEEDED,
    group=GROUP,
)
def certificates_figure(result: xr.DataTree) -> Figure:
    """Draw the certificates of one model.

    Args:
        result: a result of ``certificates``.
    """
    spec, provenance = read_spec(result), read_provenance(result)
    figure = Figure(figsize=(6.4, 5.4), layout="constrained", dpi=150)
    plot_certificates(result, figure.subplots())
    set_title(
        figure,
        f"{model_name(provenance, spec)} on {provenance['dataset']}",
        f"{count(result[GROUP].sizes['example'], 'image')}, {spec['num_samples']:,} draws, "
        f"α = {spec['alpha']:g} for each image",
    )
    one_size(figure)
    return figure
