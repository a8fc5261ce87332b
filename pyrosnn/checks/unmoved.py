"""`unmoved-images`: images that the attack returned as they were, although A classifies them."""

import xarray as xr

from pyrosnn.checks.finding import Finding, skipped
from pyrosnn.checks.functions import is_function
from pyrosnn.results import GROUP, read_spec
from pyrosnn.results.threats import strength_in

NAME = "unmoved-images"
# A share of images that were not attacked raises adversarial accuracy by up to as much: 5 points.
MAX_SHARE = 0.05
FOREIGN = (
    "it may keep the clean image where it does not fool A: let it return the image with the "
    "highest loss (best_loss=True for APGD)"
)
OWN = "look at its clip, or at how it chooses between several δ"


def unmoved_images(result: xr.DataTree) -> Finding:
    """Count images whose δ is zero although no gradient of theirs is known to be.

    Many attacks return the clean image where they do not fool the samples that they were made
    with. It may be fooled by others: any such share warns, and from 5 % on it fails, as accuracies
    may be that much too high. Images that A misclassifies are left out: they rest by design.

    Args:
        result: a result with the group ``evaluation``.

    Returns:
        The finding; its value is the share at the worst strength and S_A.
    """
    values = result[GROUP].dataset
    attacked = values.isel(strength=values["strength"].values > 0)
    if attacked.sizes["strength"] == 0:
        return skipped(NAME, "needs a strength above 0, has none")
    counted = attacked["attack_correct"] & xr.ones_like(attacked["zero_gradient"])
    still = (attacked["perturbation_norm"] == 0) & ~attacked["zero_gradient"] & counted
    dims = [dim for dim in ("repeat", "example") if dim in counted.dims]
    number, unmoved = counted.sum(dims), still.sum(dims)
    if int(number.max()) == 0:
        return skipped(NAME, "needs images that A classifies correctly, has none")
    shares = (unmoved / number).fillna(0.0)
    share = float(shares.max())
    if share == 0:
        text = "every image with a gradient was moved"
        return Finding(name=NAME, status="pass", value=share, message=text)
    at = {dim: int(place) for dim, place in shares.argmax(...).items()}
    worst = shares.isel(at)
    foreign = is_function(read_spec(result))
    who, advice = ("the function", FOREIGN) if foreign else ("the attack", OWN)
    text = (
        f"{who} returned {int(unmoved.isel(at))} of {int(number.isel(at))} images unmoved that A "
        f"classifies correctly (η = {strength_in(read_spec(result), float(worst['strength']))}, "
        f"S_A = {int(worst['attack_samples'])}); {advice}"
    )
    status = "fail" if share >= MAX_SHARE else "warn"
    return Finding(name=NAME, status=status, value=share, message=text)
