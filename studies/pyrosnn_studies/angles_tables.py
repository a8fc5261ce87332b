"""The table of the study gaussian-angles."""

import numpy as np
import xarray as xr

from pyrosnn.results import read_spec
from pyrosnn.tables import Number, Table
from pyrosnn_studies.needs import needs


@needs("angles")
def angles_tables(result: xr.DataTree) -> list[Table]:
    """Return the angles where the means and the variances have the same t."""
    values = result["angles"].dataset
    draws = read_spec(result).get("draws", 1)
    over = f" over {draws:,} means and variances" if draws > 1 else ""
    rows = []
    scales = values["mean_scale"].values[1:]
    for t in scales[:: max(1, len(scales) // 10)]:
        cell = values.sel(mean_scale=t, variance_scale=t)
        closed = [
            np.degrees(np.arccos(float(cell[name])))
            for name in ("cosine_first_order", "cosine_second_order")
        ]
        error = float(cell["angle_error"])
        rows.append(
            [
                Number(value=float(t)),
                Number(value=float(cell["angle"]), form=".3f", sd=error),
                *[Number(value=degrees, form=".3f") for degrees in closed],
            ]
        )
    return [
        Table(
            title="Angle in degrees, means and variances uniform on [0, t]; "
            f"± standard error{over}",
            columns=["t", "simulated", "first order", "second order"],
            rows=rows,
        )
    ]
