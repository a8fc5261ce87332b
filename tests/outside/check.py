"""A check of a result: how much of the clean accuracy the strongest attack leaves."""

import xarray as xr

from pyrosnn.checks import Finding
from pyrosnn.results import GROUP


def breaks_something(result: xr.DataTree) -> Finding:
    """Warn where the strongest attack breaks less than a tenth of the images."""
    values = result[GROUP].dataset
    strongest = values.isel(strength=-1, attack_samples=-1, inference_samples=-1)
    correct = values["clean_correct"].isel(inference_samples=-1)
    broken = float((correct & ~strongest["adversarial_correct"]).sum() / correct.sum())
    return Finding(
        name="breaks-something",
        status="pass" if broken >= 0.1 else "warn",
        value=broken,
        message=f"the strongest attack breaks {broken:.0%} of the images that were correct",
    )
