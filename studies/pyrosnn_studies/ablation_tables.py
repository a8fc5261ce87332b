"""The table of the study ablation."""

import xarray as xr

from pyrosnn_studies.tables import Table, mean_and_sd, number, percent

COLUMNS = {
    "mean_clean": "clean, %",
    "mean_adversarial": "adversarial, %",
    "mean_cosine": "cosine",
    "mean_norm": "mean ‖δ‖",
    "share_zero": "zero gradient, %",
    "share_short": "‖δ‖ < η, %",
}


def ablation_tables(result: xr.DataTree) -> list[Table]:
    """Return a row for each reading."""
    values = result["ablation"].dataset
    rows = []
    for name in values["variant"].values:
        cells = [str(name)]
        for column, title in COLUMNS.items():
            of = values[column].sel(variant=name)
            cells.append((percent if "%" in title else number)(*mean_and_sd(of)))
        rows.append(cells)
    return [
        Table(
            title="Readings of the paper's evaluation, mean ± standard deviation over repeats",
            header=["reading", *COLUMNS.values()],
            rows=rows,
        )
    ]
