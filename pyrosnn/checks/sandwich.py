"""`sandwich`: no attack breaks what is certified."""

import xarray as xr

from pyrosnn.certificates import CERTIFICATES
from pyrosnn.checks.finding import Finding
from pyrosnn.results import read_spec
from pyrosnn.summaries.certificates import GROUP, attacked_at, certified_at

NAME = "sandwich"
# Probability with which S_I draws must be right, by the certificate, for an error to count.
SURE = 0.99
# Share of these images and radii that may err, before one of the two bounds is wrong.
FAIL_ABOVE = 0.05


def sandwich(result: xr.DataTree) -> Finding:
    """Count errors under attack at certified radii.

    The mean of S_I draws judges, so that certificates of votes are left out, and only radii
    count at which the certificate promises a right mean with probability 0.99. An error there
    warns. More than 5 % of them fail: a certificate, or the evaluation of the attack, is wrong.

    The attacks are those at the radii of ``certify``, or all those of a standard evaluation in ℓ2.

    Args:
        result: a result with the group ``certificates``.

    Returns:
        The finding; its value is the number of errors.
    """
    values, attacked = result[GROUP].dataset, attacked_at(result)
    if attacked is None or "inference_bound" not in values:
        words = "it has no attack on a certified mean; run pyrosnn certify --attacked on scores"
        return Finding(name=NAME, status="skipped", value=None, message=words)
    kinds = [k for k in values["certificate"].values if CERTIFICATES[str(k)].of_scores]
    certified = certified_at(result).sel(certificate=kinds).any("certificate")
    sure = certified & (values["inference_bound"] >= SURE)
    number, fell = int(sure.sum()) * attacked.sizes["repeat"], int((sure & ~attacked).sum())
    if number == 0:
        words = "no image is certified where the mean of S_I draws must be right"
        step = "take a smaller strength, or more draws with pyrosnn certify"
        return Finding(name=NAME, status="skipped", value=None, message=f"{words}; {step}")
    text = f"{fell} errors under attack at {number:,} certified images and radii"
    if fell > FAIL_ABOVE * number:
        text += "; a certificate or the evaluation of the attack is wrong"
        return Finding(name=NAME, status="fail", value=float(fell), message=text)
    if fell > 0:
        text += f"; a radius is too large with probability {read_spec(result)['alpha']:g}"
    return Finding(
        name=NAME, status="warn" if fell > 0 else "pass", value=float(fell), message=text
    )
