"""The table of the study conditions: accuracy, and shares of images that fulfil a condition."""

import xarray as xr

from pyrosnn.conditions.smoothness import CONSTANTS, cutoff
from pyrosnn.results import GROUP, read_spec
from pyrosnn.summaries import accuracy_intervals, interval_end
from pyrosnn.tables import Table
from pyrosnn_studies.needs import needs
from pyrosnn_studies.tables import percent, sizes_in_words, strength_of
from pyrosnn_studies.titles import titled


@needs(GROUP)
def conditions_tables(result: xr.DataTree) -> list[Table]:
    """Return the accuracy and the shares of each condition, by strength."""
    found = accuracy_intervals(result).isel(attack_samples=-1, inference_samples=-1)
    spec = read_spec(result)
    names = [f"smooth, L = {L:.3g} ({which})" for which, L in _constants(result).items()]
    rows = []
    for strength in found["strength"].values:
        of = found.sel(strength=strength)
        smooth = [of.sel(smoothness=L) for L in _constants(result).values()]
        shares = [
            percent(of, "adversarial"),
            percent(of, "linear_condition"),
            percent(of, "interval_condition"),
            *[percent(one, "smooth_condition") for one in smooth],
        ]
        rows.append([strength_of(result, strength), *shares])
    cutoffs = ", ".join(f"{cutoff(L):.3f} ({w})" for w, L in _constants(result).items())
    tables = [
        Table(
            title=(
                "Adversarial accuracy (measured) and share of images that fulfil a condition "
                f"(theory), in %, for S_A = {int(found['attack_samples']):,}, "
                f"S_I = {int(found['inference_samples']):,}\n{sizes_in_words(result)}"
            ),
            columns=["strength", "adversarial", "linear", "interval", *names],
            rows=rows,
            notes=[
                f"No image can fulfil the smooth condition beyond {cutoffs}; "
                f"the last fulfils the interval condition up to {interval_end(result):.3f}.",
                "Both hold for the exact expectation over the noise, not for its estimate from "
                f"{spec['noise_samples']} noises that is judged here.",
            ],
        )
    ]
    return titled(tables, result)


def _constants(result: xr.DataTree) -> dict[str, float]:
    """Return the constants L of the result by name."""
    values = result[GROUP].dataset["smoothness"].values
    return dict(zip(CONSTANTS, map(float, values), strict=True))
