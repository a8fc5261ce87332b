"""`accuracy-falls`: a stronger attack does not leave a higher accuracy."""

import xarray as xr

from pyrosnn.checks.differences import FAILURE_RATE, significantly_positive, status_of
from pyrosnn.checks.draws import MIN_DRAWS, block_size, by_draw
from pyrosnn.checks.finding import Finding, skipped
from pyrosnn.results import GROUP

NAME = "accuracy-falls"
ATTACKED = ("strength", "attack_samples")


def accuracy_falls(result: xr.DataTree) -> Finding:
    """Compare accuracies at neighbouring strengths, and at neighbouring S_A, in pairs.

    A draw is one block of images with its own A and I in one repeat. A rise counts where
    Student's t over draws calls it significant, at a rate of false alarms of 1 % for all
    comparisons together; it fails above 0.02, and warns below.

    Args:
        result: a result with the group ``evaluation``.

    Returns:
        The finding; its value is the largest significant rise, 0 if there is none.
    """
    values = result[GROUP].dataset.sortby(list(ATTACKED))
    correct = values["adversarial_correct"].astype(float)
    accuracy = by_draw(result, correct) / by_draw(result, xr.ones_like(correct))
    accuracy = accuracy.transpose("draw", *ATTACKED, ...)
    draws = accuracy.sizes["draw"]
    pairs = [accuracy.diff(dim) for dim in ATTACKED if accuracy.sizes[dim] > 1]
    if not pairs:
        return skipped(NAME, "needs two strengths or two sizes S_A, has one of each")
    if draws < MIN_DRAWS:
        return skipped(
            NAME, f"needs {MIN_DRAWS} independent draws (repeats × blocks of images), has {draws}"
        )
    comparisons = sum(rises.isel(draw=0).size for rises in pairs)
    grain = 1 / block_size(result)
    worst, where = 0.0, ""
    for rises in pairs:
        significant = significantly_positive(rises.values, grain=grain, comparisons=comparisons)
        significant_rises = rises.mean("draw").where(xr.DataArray(significant, dims=rises.dims[1:]))
        if float(significant_rises.max()) > worst:
            worst = float(significant_rises.max())
            at = significant_rises.where(significant_rises == worst, drop=True)
            where = ", ".join(f"{name} {float(at[name][0]):g}" for name in ATTACKED)
    if worst == 0:
        text = f"no rise among {comparisons} neighbours is significant (rate {FAILURE_RATE:.0%})"
        return Finding(name=NAME, status="pass", value=0.0, message=text)
    text = f"accuracy rises by {worst:.3f}, significantly, on the way to {where}"
    return Finding(name=NAME, status=status_of(worst, True), value=worst, message=text)
