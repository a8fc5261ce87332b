"""`accuracy-falls`: a stronger attack does not leave a higher accuracy."""

import numpy as np
import xarray as xr

from pyrosnn.checks.differences import FAILURE_RATE, significantly_positive, status_of
from pyrosnn.checks.finding import Finding, skipped
from pyrosnn.results import GROUP, read_spec

NAME = "accuracy-falls"
# Student's t of fewer draws would call nothing significant.
MIN_DRAWS = 5
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
    spec = read_spec(result)
    size = int(spec.get("block_size", values.sizes["example"]))
    accuracy = _by_draw(values["adversarial_correct"], size, chosen="indices" in spec)
    draws = accuracy.sizes["draw"]
    pairs = [accuracy.diff(dim) for dim in ATTACKED if accuracy.sizes[dim] > 1]
    if not pairs:
        return skipped(NAME, "needs two strengths or two sizes S_A, has one of each")
    if draws < MIN_DRAWS:
        return skipped(
            NAME, f"needs {MIN_DRAWS} independent draws (repeats × blocks of images), has {draws}"
        )
    comparisons = sum(rises.isel(draw=0).size for rises in pairs)
    grain = 1 / min(size, values.sizes["example"])
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


def _by_draw(correct: xr.DataArray, size: int, *, chosen: bool) -> xr.DataArray:
    """Return the accuracy of each block of images in each repeat: draw, then the other dims."""
    place = correct["example"].values if chosen else np.arange(correct.sizes["example"])
    block = place // size
    shares = correct.astype(float).drop_vars(["label", "example"], errors="ignore")
    shares = shares.assign_coords(block=("example", block)).groupby("block").mean()
    stacked = shares.stack(draw=("repeat", "block"), create_index=False)
    return stacked.transpose("draw", *ATTACKED, ...)
