"""`selection-gap`: V, which chose the archive's δ, does not find it much worse than I does."""

import numpy as np
import xarray as xr

from pyrosnn.checks.finding import Finding
from pyrosnn.checks.over_images import by_image, exceeds
from pyrosnn.results import read_spec
from pyrosnn.results.dataset import with_repeat
from pyrosnn.summaries.paired import mean_gap

NAME = "selection-gap"
# Accuracy that a choice which fits V may cost: to warn of, and from which on it fails.
WARN_ABOVE, FAIL_ABOVE = 0.02, 0.05


def selection_gap(result: xr.DataTree) -> Finding:
    """Compare the accuracies on V and on I at the archive's δ, paired over images.

    The accuracy on V is the lower one: V chose. A gap that is significantly wider than 0.02 warns,
    and one wider than 0.05 fails: the archive fits the samples of V, and an attacker with more of
    them would leave less. Where V and I have the same size, a gap the other way is judged alike:
    the archive was chosen with I.

    Args:
        result: a result with the group ``standard``.

    Returns:
        The finding; its value is the gap, V minus I, of the threat that is furthest from 0.
    """
    values = with_repeat(result["standard"].dataset, 0)
    differences = values["archive_selected"].astype(float) - values["archive_correct"]
    gap = by_image(differences)
    spec = read_spec(result)
    sizes = [spec.get(f"{set_}_samples") for set_ in ("selection", "inference")]
    signs = [-1, 1] if sizes[0] is not None and sizes[0] == sizes[1] else [-1]
    exceeded = {
        limit: np.any([exceeds(sign * gap, limit) for sign in signs], axis=0)
        for limit in (WARN_ABOVE, FAIL_ABOVE)
    }
    means = gap.mean("example")
    order = exceeded[WARN_ABOVE] + 1 * exceeded[FAIL_ABOVE] + abs(means) / 2
    worst = int(order.argmax("threat"))
    shown = mean_gap(differences.isel(threat=worst))
    mean, low, high = (float(shown[name]) for name in ("difference", "low", "high"))
    spread = "" if np.isnan(low) else f" [{low:+.3f}, {high:+.3f}]"
    status = "pass"
    for limit, name in ((WARN_ABOVE, "warn"), (FAIL_ABOVE, "fail")):
        status = name if exceeded[limit].any() else status
    text = f"accuracy on V minus on I is {mean:+.3f}{spread} ({values['threat'].values[worst]})"
    if status != "pass":
        text += (
            ": the archive fits V; take more selection samples"
            if mean < 0
            else ": I finds the archive worse than V, which chose it; keep I out of the choice"
        )
    return Finding(name=NAME, status=status, value=mean, message=text)
