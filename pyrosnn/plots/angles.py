"""Figure 2 of the paper: the expected angle of two Gaussian vectors with one mean."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from pyrosnn.plots.needed import draws
from pyrosnn.plots.style import curve_style, one_size, set_title
from pyrosnn.results import read_spec

SHOWN = 4  # curves of the right panel
POINTS = 12  # markers of each


@draws(
    spec=("dimension", "pairs"),
    variables=("angle", "mean_scale", "variance_scale"),
    group="angles",
)
def angles_figure(result: xr.DataTree) -> Figure:
    """Draw the simulated angles as a map, and selected ones beside their closed form.

    Args:
        result: a result of ``gaussian-angles``.
    """
    spec = read_spec(result)
    values = result["angles"].dataset
    angle = values["angle"]
    figure = Figure(figsize=(9.6, 4.0), layout="constrained", dpi=150)
    left, right = figure.subplots(1, 2)
    t_mean, t_variance = angle["mean_scale"].values, angle["variance_scale"].values
    drawn = left.pcolormesh(t_variance, t_mean, angle.values, cmap="viridis", vmin=0, vmax=90)
    lines = left.contour(
        t_variance,
        t_mean,
        np.nan_to_num(angle.values),
        levels=[10, 20, 30, 45, 60],
        colors="white",
        linewidths=1,
    )
    left.clabel(lines, fmt="%d°")
    figure.colorbar(drawn, ax=left, label="expected angle (degrees)")
    left.set_xlabel("t of the variances, uniform on [0, t]")
    left.set_ylabel("t of the means, uniform on [0, t]")
    chosen = np.linspace(0, len(t_variance) - 1, SHOWN + 1).round().astype(int)[1:]
    for index, column in enumerate(chosen):
        style = curve_style(index, SHOWN)
        curve = values.isel(variance_scale=column)
        closed = np.degrees(np.arccos(np.clip(curve["cosine_second_order"].values, -1, 1)))
        right.plot(t_mean, closed, color=style["color"], linewidth=1)
        right.plot(
            t_mean,
            curve["angle"].values,
            linestyle="",
            label=f"{t_variance[column]:g}",
            markevery=max(1, len(t_mean) // POINTS),
            **style,
        )
    right.set_xlabel("t of the means, uniform on [0, t]")
    right.set_ylabel("expected angle (degrees)")
    right.set_ylim(0, 95)
    right.grid(alpha=0.3)
    right.legend(title="t of the variances")
    right.set_title("points: simulated; lines: closed form")
    draws = spec.get("draws", 1)
    of_each = f" of each of {draws:,} means and variances" if draws > 1 else ""
    set_title(
        figure,
        f"Angle of two {spec['dimension']:,}-dimensional Gaussian vectors, "
        f"{spec['pairs']:,} pairs{of_each}",
    )
    one_size(figure)
    return figure
