"""The table of certificates: how robust the smoothed networks are, from below and from above."""

from collections.abc import Callable

from pyrosnn.results import read_spec
from pyrosnn.summaries.certificates import certified_accuracy, data_set_certificate
from reproduction.cells import Row, Table
from reproduction.claims import Results

CERTIFIED = {"bnn": "BNN, smoothed", "im": "IM, smoothed", "sin": "SIN 0.1, probabilities"}
# What the attack is held against: of the certificates of the mean prediction, the one to speak of.
MARGIN = "margin"


def certificates(results: Results) -> Table:
    """Return certified accuracies by radius, in %, beside the attack's; gaps in points."""
    rows: list[Row] = []
    kinds: list[str] = []
    for model, title in CERTIFIED.items():
        result = results[f"certificates-{model}"]
        values, shares = result["certificates"].dataset, certified_accuracy(result)
        kinds = [str(name) for name in values["certificate"].values]
        columns = [shares.sel(certificate=name) for name in kinds]
        columns.append(data_set_certificate(result, alpha=read_spec(result)["alpha"]))
        columns += [values[name].mean("example") for name in ("interval_held", "attacked_correct")]
        columns.append(columns[-1] - shares.sel(certificate=MARGIN))
        scale = float(values["noise_scale"])
        for i, radius in enumerate(values["distance"].values):
            cells = [f"{100 * float(column[i]):.1f}" for column in columns]
            rows.append([title, f"{radius:.3g} = {radius / scale:.3g} σ", *cells])
    header = ["network", "radius", *kinds, "one draw", "interval condition", "attacked"]
    return [*header, f"attacked - {MARGIN}"], rows


CERTIFICATE_TABLES: dict[str, Callable[[Results], Table]] = {"certificates": certificates}
