"""`null-control`: the attack breaks more than random δ, and more than asking again."""

import numpy as np
import xarray as xr

from pyrosnn.checks.finding import Finding, without_rounding
from pyrosnn.checks.over_images import by_image, exceeds
from pyrosnn.results import read_spec
from pyrosnn.statistics import robust_at

NAME = "null-control"
# Of the accuracy that the attack takes: what random δ take as well, to warn of, and to fail.
WARN_ABOVE, FAIL_ABOVE = 0.5, 0.8
QUERIES = 10


def null_control(result: xr.DataTree) -> Finding:
    """Compare what the archive's δ breaks with what is broken without an attack.

    Random δ of norm η, chosen by V like the archive's, may take half of the accuracy that the
    attack takes; a significantly larger share warns, and above 0.8 it fails: robustness to
    noise was measured. Where the spec names the queries and there are 10 or more, it also warns if
    asking 10 times at δ = 0 takes more than half of what asking 10 times at the archive's δ does.

    Args:
        result: a result with the group ``standard``.

    Returns:
        The finding; its value is the largest share, over threats, of the accuracy lost under
        attack that random δ take alone.
    """
    values = result["standard"].dataset
    clean = by_image(values["unattacked_correct"])
    by_random = clean - by_image(values["random_correct"])
    by_attack = clean - by_image(values["archive_correct"])
    shares = _shares(by_random, by_attack)
    worst = int(shares.argmax())
    lost, lost_under_attack = (
        without_rounding(float(of.mean("example")[worst])) for of in (by_random, by_attack)
    )
    text = (
        f"random δ take {lost:+.3f} of the accuracy, the attack {lost_under_attack:+.3f} "
        f"({values['threat'].values[worst]})"
    )
    status = "pass"
    for limit, name in ((WARN_ABOVE, "warn"), (FAIL_ABOVE, "fail")):
        status = name if exceeds(by_random - limit * by_attack).any() else status
    if (number := int(read_spec(result).get("queries", 0))) >= QUERIES:
        counts = values["queries_correct"]
        all_right = by_image(counts.copy(data=robust_at(counts.values, number, QUERIES)))
        without, under = (all_right.sel(perturbation=of, drop=True) for of in ("none", "archive"))
        once = by_image(counts.sel(perturbation="none", drop=True)) / number
        if exceeds((once - without) - WARN_ABOVE * (once - under)).any():
            status = "warn" if status == "pass" else status
            text += "; most of what repeated queries break, they break without any δ"
        at_rest, attacked = (float(of.mean("example")[worst]) for of in (without, under))
        text += (
            f"; {at_rest:.1%} of the images withstand {QUERIES} queries at δ = 0, "
            f"{attacked:.1%} at the archive's"
        )
    return Finding(name=NAME, status=status, value=float(shares[worst]), message=text)


def _shares(part: xr.DataArray, whole: xr.DataArray) -> np.ndarray:
    """Return the share of each threat; 0 where nothing is lost, 1 where only the part loses."""
    lost, of = (array.mean("example").values for array in (part, whole))
    quotient = lost / np.where(of > 0, of, 1.0)
    share: np.ndarray = np.where(of > 0, quotient, lost > 0)
    return share
