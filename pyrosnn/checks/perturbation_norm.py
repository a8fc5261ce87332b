"""`perturbation-norm`: the true ‖δ‖ is the strength."""

import sys

import xarray as xr

from pyrosnn.checks.finding import Finding, skipped
from pyrosnn.checks.functions import is_function
from pyrosnn.results import GROUP, read_spec

NAME = "perturbation-norm"
# float32 rounding, and the 12 bits of a compact file
TOLERANCE = 1e-3
# Share of δ that may end within the ball after many steps.
FEW = 0.01
# Mean length, in η, that many steps keep, whatever bounds they meet.
MOST = 0.9
# Attacks of the library that minimise the norm: `ATTACKS` says so, too, but loads torch.
MINIMISE = ("ddn", "fmn", "cw")


def perturbation_norm(result: xr.DataTree) -> Finding:
    """Compare the true norm of each δ with η, for images whose gradient is not zero.

    A longer δ fails. A shorter one fails for an attack of one full step; one step that clips and a
    function from elsewhere warn. Many steps may end within the ball: they warn where more than 1 %
    of the δ are shorter and the mean is below 0.9 η. A shorter δ is what an attack that minimises
    the norm looks for.

    Args:
        result: a result with the group ``evaluation``.

    Returns:
        The finding; its value is the share of δ's that are not η long.
    """
    values, spec = result[GROUP].dataset, read_spec(result)
    positive = values["strength"] > 0
    if not bool(positive.any()):
        return skipped(NAME, "needs a strength above 0, has none")
    ratio = (values["perturbation_norm"] / values["strength"].where(positive)).where(
        ~values["zero_gradient"]
    )
    made = int(ratio.notnull().sum())
    if made == 0:
        return skipped(NAME, "needs images with a gradient, all have a zero gradient")
    longer = float((ratio > 1 + TOLERANCE).sum()) / made
    shorter = float((ratio < 1 - TOLERANCE).sum()) / made
    wrong = longer + shorter
    mean = float(ratio.mean())
    if longer > 0:
        text = f"{longer:.1%} of the perturbations are longer than η, by up to {ratio.max():.3g} η"
        return Finding(name=NAME, status="fail", value=wrong, message=text)
    if shorter == 0:
        return Finding(name=NAME, status="pass", value=wrong, message="every ‖δ‖ is η")
    text = f"{shorter:.1%} of the perturbations are shorter than η; the mean is {mean:.2f} η"
    options = spec.get("attack_options") or {}
    status = "fail"
    if spec.get("minimises_norm") or _minimises(spec.get("attack")):
        status, text = "pass", f"{text} (the attack looks for the shortest)"
    elif options.get("steps", 1) > 1:
        status = "pass" if shorter <= FEW or mean >= MOST else "warn"
        text = f"{text} (many steps may end within the ball)"
    elif spec.get("clip"):
        status, text = "warn", f"{text} (the attack clips x + δ: read η as a bound)"
    elif is_function(spec):
        status = "warn"
        text = f"{text} (not an attack of pyrosnn: read η as a bound)"
    return Finding(name=NAME, status=status, value=wrong, message=text)


def _minimises(name: object) -> bool:
    """Return whether an attack, by its name in a study, minimises the norm."""
    attacks = sys.modules.get("pyrosnn.attacks")  # loaded where a row of one's own was added
    row = None if attacks is None else attacks.ATTACKS.get(name)
    return name in MINIMISE if row is None else bool(row.minimises_norm)
