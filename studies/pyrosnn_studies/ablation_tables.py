"""The table of the study ablation."""

import xarray as xr

from pyrosnn.results import read_spec
from pyrosnn.summaries.words import interval_words
from pyrosnn.tables import Cell, Number, Table
from pyrosnn_studies.needs import needs
from pyrosnn_studies.tables import mean_and_sd, number, percent_of_means

ADVERSARIAL = "mean_adversarial"
COLUMNS = {
    "mean_clean": "clean, %",
    ADVERSARIAL: "adversarial, %",
    "mean_cosine": "cosine",
    "mean_norm": "mean ‖δ‖",
    "share_zero": "zero gradient, %",
    "share_short": "‖δ‖ < η, %",
}


@needs("ablation")
def ablation_tables(result: xr.DataTree) -> list[Table]:
    """Return a row for each reading."""
    values, images = result["ablation"].dataset, read_spec(result)["images"]
    rows = []
    for name in values["variant"].values:
        of = values.sel(variant=name)
        cells: list[Cell] = [str(name)]
        cells += [percent_of_means(of[column], images) for column in ("mean_clean", ADVERSARIAL)]
        cells += [number(*mean_and_sd(of[column])) for column in ("mean_cosine", "mean_norm")]
        shares = [float(of[column].mean()) for column in ("share_zero", "share_short")]
        rows.append([*cells, *[Number(value=100 * share, form=".1f") for share in shares]])
    return [
        Table(
            title=(
                "Readings of the paper's evaluation; accuracies "
                f"[{interval_words(images, values.sizes['repeat'])}]"
            ),
            columns=["reading", *COLUMNS.values()],
            rows=rows,
            notes=["Cosine and ‖δ‖: mean over images ± standard deviation over repeats."],
        )
    ]
