"""Share of images that fulfil a condition (linear, smooth, interval), and the accuracy.

Figures 3 and 7 of the paper, and the interval condition: the best that margin
and slope allow. The model is averaged over Gaussian noise,
with ten draws for each sample. The variance is that of its training, or
--smoothing-variance.
"""

import xarray as xr

from pyrosnn.conditions import CONSTANTS, cutoff
from pyrosnn.plots import conditions_figure
from pyrosnn.results import GROUP, read_spec
from pyrosnn.summaries import accuracies, interval_end
from pyrosnn_studies.grid_study import grid_study
from pyrosnn_studies.tables import Table


def _tables(result: xr.DataTree) -> list[Table]:
    means = accuracies(result).isel(attack_samples=-1, inference_samples=-1).mean("repeat")
    spec = read_spec(result)
    names = [f"smooth, L = {L:.3g} ({which})" for which, L in _constants(result).items()]
    rows = []
    for strength in means["strength"].values:
        cell = means.sel(strength=strength)
        shares = [cell[name] for name in ("adversarial", "linear_condition", "interval_condition")]
        shares += [*cell["smooth_condition"]]
        rows.append([f"{strength:g}", *[f"{100 * float(share):.1f}" for share in shares]])
    cutoffs = ", ".join(f"{cutoff(L):.3f} ({w})" for w, L in _constants(result).items())
    return [
        Table(
            title=(
                "Adversarial accuracy and share of images that fulfil a condition, in %, "
                f"for S_A = {int(means['attack_samples']):,}, "
                f"S_I = {int(means['inference_samples']):,}\n"
                f"No image can fulfil the smooth condition beyond {cutoffs}; "
                f"the last fulfils the interval condition up to {interval_end(result):.3f}.\n"
                f"Both hold for the exact expectation over the noise, not for its estimate from "
                f"{spec['noise_samples']} noises that is judged here."
            ),
            columns=["strength", "adversarial", "linear", "interval", *names],
            rows=rows,
        )
    ]


def _constants(result: xr.DataTree) -> dict[str, float]:
    """Return the constants L of the result by name."""
    values = result[GROUP].dataset["smoothness"].values
    return dict(zip(CONSTANTS, map(float, values), strict=True))


STUDY = grid_study("conditions", tables=_tables, figure=conditions_figure, smoothed=True)
