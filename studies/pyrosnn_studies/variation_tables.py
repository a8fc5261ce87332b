"""The table of the study prediction-variance."""

import xarray as xr

from pyrosnn.summaries import variation_table
from pyrosnn.tables import Number, Table
from pyrosnn_studies.needs import needs


@needs("variation")
def variation_tables(result: xr.DataTree) -> list[Table]:
    """Return means over images: the spread of predictions, and of their gradients."""
    table = variation_table(result)
    return [
        Table(
            title="Means over images; of f_y and its gradient (table 1), and of the margin's",
            columns=["", *map(str, table.columns)],
            rows=[
                [str(name), *[Number(value=float(value), form=".4f") for value in row]]
                for name, row in zip(table.index, table.to_numpy(), strict=True)
            ],
        )
    ]
