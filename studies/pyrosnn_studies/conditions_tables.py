"""The table of the study conditions: accuracy, and shares of images that fulfil a condition."""

import xarray as xr

from pyrosnn.conditions.smoothness import CONSTANTS, cutoff
from pyrosnn.results import GROUP, read_spec
from pyrosnn.summaries import accuracies
from pyrosnn_studies.tables import Table


def conditions_tables(result: xr.DataTree) -> list[Table]:
    """Return the accuracy and the shares of both conditions, by strength."""
    means = accuracies(result).isel(attack_samples=-1, inference_samples=-1).mean("repeat")
    spec = read_spec(result)
    names = [f"smooth, L = {L:.3g} ({which})" for which, L in _constants(result).items()]
    rows = []
    for strength in means["strength"].values:
        cell = means.sel(strength=strength)
        shares = [cell["adversarial"], cell["linear_condition"], *cell["smooth_condition"]]
        rows.append([f"{strength:g}", *[f"{100 * float(share):.1f}" for share in shares]])
    cutoffs = ", ".join(f"{cutoff(L):.3f} ({w})" for w, L in _constants(result).items())
    return [
        Table(
            title=(
                "Adversarial accuracy and share of images that fulfil a condition, in %, "
                f"for S_A = {int(means['attack_samples']):,}, "
                f"S_I = {int(means['inference_samples']):,}\n"
                f"No image can fulfil the smooth condition beyond {cutoffs}.\n"
                f"L holds for the exact expectation over the noise, not for its estimate from "
                f"{spec['noise_samples']} noises that is judged here."
            ),
            header=["strength", "adversarial", "linear", *names],
            rows=rows,
        )
    ]


def _constants(result: xr.DataTree) -> dict[str, float]:
    """Return the constants L of the result by name."""
    values = result[GROUP].dataset["smoothness"].values
    return dict(zip(CONSTANTS, map(float, values), strict=True))
