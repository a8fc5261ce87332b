"""`judged-image`: I judges the image that the attack made."""

import xarray as xr

from pyrosnn.checks.finding import Finding, skipped
from pyrosnn.results import read_spec
from pyrosnn.summaries import judges_clipped

NAME = "judged-image"


def judged_image(result: xr.DataTree) -> Finding:
    """Fail where x + δ was clipped after the attack, without the attack's knowledge.

    Clipping shortens δ and turns it. An attack that knows the bounds (``clip``) makes an image
    within them, which is then judged as it is.

    Args:
        result: a result with the group ``evaluation``.

    Returns:
        The finding; its value is 1 where another image is judged, and else 0.
    """
    spec = read_spec(result)
    if "clip_judged" not in spec and "clip" not in spec:  # without it nothing was clipped
        return skipped(NAME, "needs the setting 'clip_judged', which this result does not have")
    if judges_clipped(spec):
        text = (
            "x + δ is clipped before it is judged, and the attack does not know: "
            "clip within the attack, or not at all"
        )
        return Finding(name=NAME, status="fail", value=1.0, message=text)
    text = "the image that the attack made is the one that is judged"
    return Finding(name=NAME, status="pass", value=0.0, message=text)
