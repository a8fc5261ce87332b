"""`attack-samples`: the attack has enough samples to come close to the reachable cosine."""

import warnings
from dataclasses import replace

import numpy as np
import xarray as xr

from pyrosnn.checks.attack_strength import num_steps
from pyrosnn.checks.finding import Finding, skipped
from pyrosnn.checks.functions import is_function
from pyrosnn.checks.reach_bound import bound, mean_cosines
from pyrosnn.results import GROUP, read_spec
from pyrosnn.summaries import is_measured, jackknife, mean_reach, reachable_cosine

NAME = "attack-samples"
WARN_BELOW, FAIL_BELOW = 0.95, 0.8
# Below so many samples an attack on a fixed set overfits it, and no extrapolation is to be trusted.
SMALL = 100


def attack_samples(result: xr.DataTree) -> Finding:
    """Check whether a larger S_A would improve the attack's direction.

    A result of ``pyrosnn diagnose`` of a single step has measured the share of the reachable cosine
    that the largest S_A has, with single samples: the check warns below 0.95 and fails below 0.8,
    with the whole 95 % interval. Without moments the sizes that are there give an upper bound of
    the share. That can find a lack and never exclude one: the check is then skipped where it would
    pass. It warns where no more than 100 samples were seen, in all steps of an attack with fresh
    ones together, and where many steps used one fixed A of fewer than 100.

    Args:
        result: a result with the group ``evaluation``, and ``moments`` if it has them.

    Returns:
        The finding; its value is the share or its bound, and 1 where it warns without knowing of
        any lack.
    """
    known = "moments" in result.children
    finding = _from_moments(result) if known else _bounded(result)
    spec = read_spec(result)
    steps = num_steps(spec) or 1
    many = is_function(spec) or steps > 1
    fixed = (spec.get("attack_options") or {}).get("fixed_samples", is_function(spec))
    largest = int(result[GROUP].dataset["attack_samples"].max())
    seen = largest if fixed else largest * steps
    if not known and seen < SMALL:
        few = f"no S_A is above {largest}" if seen == largest else f"only {seen} samples were seen"
        finding = _warned(finding, f"{few}, too few to tell whether more are needed")
    if many and fixed and largest < SMALL:
        samples = "1 sample" if largest == 1 else f"{largest} samples"
        finding = _warned(
            finding,
            f"the attack used one fixed A of {samples}, and may overfit it: take {SMALL} or more, "
            "or fresh samples in each step (fixed_samples=False)",
        )
    return finding


def _warned(finding: Finding, text: str) -> Finding:
    """Return a finding that at least warns, with one more sentence."""
    status = "fail" if finding.status == "fail" else "warn"
    value = 1.0 if finding.value is None else finding.value
    return replace(finding, status=status, value=value, message=f"{finding.message}; {text}")


def _status(high: float) -> str:
    return "fail" if high < FAIL_BELOW else "warn" if high < WARN_BELOW else "pass"


def _from_moments(result: xr.DataTree) -> Finding:
    values = result[GROUP].dataset
    size, size_i = (int(values[f"{set_}_samples"].max()) for set_ in ("attack", "inference"))
    moments = result["moments"].dataset
    unknown = skipped(NAME, "needs gradients that stand out of the noise; take more --num-samples")
    if np.isnan(reachable_cosine(moments, size_i)):
        return unknown

    def share(of: xr.Dataset) -> xr.DataArray:
        folds = of.sizes.get("fold")
        parts = [of] if folds is None else [of.isel(fold=fold) for fold in range(folds)]
        reached = [mean_reach(part, [size], size_i).isel(attack_samples=0) for part in parts]
        return reached[0] if folds is None else xr.concat(reached, "fold")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of no image is NaN
        estimate, error = (float(value) for value in jackknife(share, moments))
    if not np.isfinite(estimate + error):  # without some group of samples nothing is known
        return unknown
    low, high = (min(1.0, max(0.0, estimate + sign * 2 * error)) for sign in (-1, 1))
    how = "measured with" if is_measured(moments) else "from the moments of"
    text = (
        f"S_A = {size} reaches {estimate:.0%} of the reachable mean cosine "
        f"(95 % interval {low:.0%} … {high:.0%}), {how} single samples"
    )
    return Finding(name=NAME, status=_status(high), value=estimate, message=text)


def _bounded(result: xr.DataTree) -> Finding:
    """Bound the share by the sizes that are there: a lack is found, or nothing is known."""
    sizes = np.sort(result[GROUP].dataset["attack_samples"].values.astype(float))
    if len(sizes) < 2:
        return skipped(NAME, f"needs two sizes of the attack set, has S_A = {sizes[0]:.0f} alone")
    if (num_steps(read_spec(result)) or 1) > 1:
        return skipped(NAME, "needs an attack of one step, whose cosine tells what S_A does")
    found = bound(sizes, *mean_cosines(result))
    if found is None:
        return skipped(NAME, "needs mean cosines above 0.01; the attack has no direction")
    share, high = found
    status = _status(share if high is None else high)
    text = f"S_A = {sizes[-1]:.0f} has at most {share:.0%} of the reachable mean cosine"
    if status == "pass":
        needs = "needs the moments of single samples, which pyrosnn diagnose measures"
        return skipped(NAME, f"{needs}: {text}, which is an upper bound")
    if high is None:
        status = "warn"  # the bound's error is not known
    text += ", going by these sizes alone; pyrosnn diagnose knows more"
    return Finding(name=NAME, status=status, value=share, message=text)
