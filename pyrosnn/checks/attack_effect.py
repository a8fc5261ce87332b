"""`attack-effect`: the attack breaks images, and more of them than it repairs."""

import xarray as xr

from pyrosnn.checks.finding import Finding, skipped
from pyrosnn.results import GROUP, read_spec
from pyrosnn.results.threats import strength_in

NAME = "attack-effect"
# Of fewer correct images none may fall by chance.
MIN_IMAGES = 10


def attack_effect(result: xr.DataTree) -> Finding:
    """Compare the images that the attack breaks with those that it repairs.

    The same I judges both images, so that δ alone makes the difference. At some strength an attack
    breaks images; where none is broken at any, nothing shows that it is one, and the check fails.
    It warns where at least as many images become right as become wrong.

    Args:
        result: a result with the group ``evaluation``.

    Returns:
        The finding; its value is the share of the correct images that the attack breaks, at the
        strength and S_A that break most, under the largest S_I.
    """
    values = result[GROUP].dataset.sortby("inference_samples").isel(inference_samples=-1)
    attacked = values.isel(strength=values["strength"].values > 0)
    if attacked.sizes["strength"] == 0:
        return skipped(NAME, "needs a strength above 0, has none")
    before, after = attacked["clean_correct"], attacked["adversarial_correct"]
    number = int(before.sum())
    if number < MIN_IMAGES:
        return skipped(NAME, f"needs {MIN_IMAGES} images that I classifies correctly, has {number}")
    dims = [dim for dim in ("repeat", "example") if dim in after.dims]
    broken, repaired = (before & ~after).sum(dims), (~before & after).sum(dims)
    most = {str(dim): int(place) for dim, place in broken.argmax(list(broken.dims)).items()}
    lost, won = int(broken.isel(most)), int(repaired.isel(most))
    eta = float(attacked["strength"][most["strength"]])
    share, spec = lost / number, read_spec(result)
    text = (
        f"of {number} correct predictions the attack breaks {lost} at η = {strength_in(spec, eta)}"
    )
    if lost == 0:
        text = (
            f"none of {number} correct predictions changes at any strength up to "
            f"{strength_in(spec, float(attacked['strength'].max()))}: raise it until the accuracy "
            "falls"
        )
        return Finding(name=NAME, status="fail", value=share, message=text)
    if won >= lost:
        return Finding(
            name=NAME,
            status="warn",
            value=share,
            message=f"{text}, and repairs {won}",
            reason="repairs as many images as it breaks",
        )
    return Finding(name=NAME, status="pass", value=share, message=text)
