"""`attack-sizes`: a larger A has other samples than a smaller one."""

import numpy as np
import xarray as xr

from pyrosnn.checks.finding import Finding, skipped
from pyrosnn.checks.functions import is_function
from pyrosnn.results import GROUP, read_spec

NAME = "attack-sizes"
# Attacks whose δ does not depend on A.
WITHOUT_SAMPLES = ("random", "transfer")
# Cosines of one δ are equal but for rounding, which a compact file has more of.
SAME, SAME_COMPACT = 1e-6, 2.5e-4
MIN_IMAGES = 10


def attack_sizes(result: xr.DataTree) -> Finding:
    """Compare the δ of neighbouring S_A, by their cosines.

    More samples of Θ change the gradient of every image a little. An A that holds one sample many
    times leads to the same δ at every S_A, and its S_A says nothing. A function from elsewhere
    need not ask A, and warns.

    Args:
        result: a result with the group ``evaluation``.

    Returns:
        The finding; its value is the largest share, over neighbouring S_A, of images whose
        cosines are equal; it fails where all are.
    """
    spec = read_spec(result)
    values = result[GROUP].dataset.sortby("attack_samples")
    sizes = values["attack_samples"].values
    if len(sizes) < 2:
        return skipped(NAME, f"needs two sizes of the attack set, has S_A = {sizes[0]} alone")
    if spec.get("attack") in WITHOUT_SAMPLES:
        return skipped(NAME, f"needs an attack that depends on A, has {spec['attack']}")
    cosine = values["cosine"].isel(strength=-1, inference_samples=-1)
    cosine = cosine.transpose("attack_samples", ...).values.astype("float64")
    cosine = cosine.reshape(len(sizes), -1)
    cosine = cosine[:, np.isfinite(cosine).all(0)]
    if cosine.shape[1] < MIN_IMAGES:
        return skipped(NAME, f"needs {MIN_IMAGES} cosines, has {cosine.shape[1]}")
    tolerance = SAME_COMPACT if "compact" in result.attrs else SAME
    equal = (abs(np.diff(cosine, axis=0)) <= tolerance).mean(1)
    worst = int(equal.argmax())
    share, pair = float(equal[worst]), f"S_A = {sizes[worst]} and {sizes[worst + 1]}"
    if share < 1:
        text = f"{share:.1%} of the cosines are equal for {pair}"
        return Finding(name=NAME, status="pass", value=share, message=text)
    text = f"all cosines are equal for {pair}"
    if is_function(spec):
        text += ": the function may not use A at all"
        return Finding(
            name=NAME, status="warn", value=share, message=text, reason="may not use A at all"
        )
    return Finding(
        name=NAME, status="fail", value=share, message=f"{text}: A holds the same samples again"
    )
