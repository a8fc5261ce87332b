"""The table of the study gaussian-angles."""

import numpy as np
import xarray as xr

from pyrosnn_studies.tables import Table


def angles_tables(result: xr.DataTree) -> list[Table]:
    """Return the angles where the means and the variances have the same t."""
    values = result["angles"].dataset
    rows = []
    scales = values["mean_scale"].values[1:]
    for t in scales[:: max(1, len(scales) // 10)]:
        cell = values.sel(mean_scale=t, variance_scale=t)
        closed = [
            np.degrees(np.arccos(float(cell[name])))
            for name in ("cosine_first_order", "cosine_second_order")
        ]
        rows.append(
            [f"{t:g}", f"{float(cell['angle']):.3f} ± {float(cell['angle_error']):.3f}"]
            + [f"{degrees:.3f}" for degrees in closed]
        )
    return [
        Table(
            title="Angle in degrees, means and variances uniform on [0, t]; ± standard error",
            header=["t", "simulated", "first order", "second order"],
            rows=rows,
        )
    ]
