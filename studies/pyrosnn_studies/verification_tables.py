"""The table of verified samples."""

import numpy as np
import xarray as xr

from pyrosnn.plots.style import count
from pyrosnn.results import read_spec
from pyrosnn.results.threats import strength_in
from pyrosnn.statistics import share_interval
from pyrosnn.summaries.verification import GROUP, verified_accuracy
from pyrosnn.tables import Cell, Number, Table
from pyrosnn_studies.needs import needs

COLUMNS = {
    "mean verified": "verified",
    "mean attacked": "unbroken",
    "expectation": "expectation_verified",
    "samples verified": "verified_share",
    "samples attacked": "unbroken_share",
}
NORM_NAMES = {"linf": "ℓ∞", "l2": "ℓ2"}


@needs(GROUP)
def verification_tables(result: xr.DataTree) -> list[Table]:
    """Return what is verified by strength, beside what an attack leaves.

    Args:
        result: a result of ``verification``.
    """
    values, spec = result[GROUP].dataset, read_spec(result)
    shares = verified_accuracy(result)
    columns = {title: name for title, name in COLUMNS.items() if name in shares}
    rows: list[list[Cell]] = []
    for i, strength in enumerate(values["strength"].values):
        here, means = values.isel(strength=i), shares.isel(strength=i)
        cells = [_share(here[name].values) for name in columns.values()]
        low, high = (f"{100 * float(means[name]):.1f}" for name in ("robust_low", "robust_high"))
        eta = Number(value=float(strength), text=strength_in(spec, strength))
        rows.append([eta, *cells, f"{low} to {high}"])
    within = ", within the data's bounds" if spec["clip"] else ""
    lines = [
        f"Verified in % for all δ in {NORM_NAMES[spec['norm']]}{within}, by {spec['method']}, for "
        f"{count(values.sizes['example'], 'image')} and S_I = {spec['inference_samples']}",
        "Mean: the mean prediction of these samples, certainly. Expectation and P(robust), the "
        f"probability that a random network is right: with confidence {1 - spec['alpha']:g} for "
        "an image.",
    ]
    if "unbroken" in shares:
        lines.append(
            f"Attacked: PGD with {count(spec['steps'], 'step')} that knows the samples; each "
            "sample is attacked on its own."
        )
    lines.append("Brackets: 95 % intervals for fresh images.")
    return [Table(title="\n".join(lines), columns=["strength", *columns, "P(robust)"], rows=rows)]


def _share(values: np.ndarray) -> Number:
    """Return a share of images in percent, with its interval."""
    low, high = share_interval(values.astype(float))
    return Number(value=100 * values.mean(), form=".1f", low=100 * low, high=100 * high)
