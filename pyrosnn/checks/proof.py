"""`proof`: no attack breaks what is verified."""

import xarray as xr

from pyrosnn.checks.finding import Finding
from pyrosnn.summaries.verification import GROUP

NAME = "proof"


def proof(result: xr.DataTree) -> Finding:
    """Count images and strengths at which an attack breaks a verified mean prediction or sample.

    Both are about the same samples, and nothing is estimated: a single one fails.

    Args:
        result: a result with the group ``verification``.

    Returns:
        The finding; its value is the number of images and strengths.
    """
    values = result[GROUP].dataset
    if "unbroken" not in values:
        words = "it has no attack; run pyrosnn verify --attacked"
        return Finding(name=NAME, status="skipped", value=None, message=words)
    means = values["verified"] & ~values["unbroken"]
    samples = values["verified_share"] > values["unbroken_share"]
    fell, number = int((means | samples).sum()), values["verified"].size
    text = f"{fell} of {number:,} images and strengths where an attack breaks what is verified"
    if fell > 0:
        text += "; the bounds, or the evaluation of the attack, are wrong"
    status = "fail" if fell > 0 else "pass"
    return Finding(name=NAME, status=status, value=float(fell), message=text)
