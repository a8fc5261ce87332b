"""`attack-samples`: the attack has enough samples to come close to the reachable cosine."""

import warnings
from dataclasses import replace

import numpy as np
import xarray as xr

from pyrosnn.checks.finding import Finding, skipped
from pyrosnn.checks.functions import is_function
from pyrosnn.results import GROUP, read_spec
from pyrosnn.summaries import at_strength, determined, jackknife, mean_reach, reachable_share

NAME = "attack-samples"
WARN_BELOW, FAIL_BELOW = 0.95, 0.8
NUM_BOOTSTRAP = 400
# Below so many samples an attack on a fixed set overfits it, and no extrapolation is to be trusted.
SMALL = 100


def attack_samples(result: xr.DataTree) -> Finding:
    """Check whether a larger S_A would improve the attack's direction.

    Warns if the share of the reachable cosine at the largest S_A is below 0.95, and fails if it is
    below 0.8, with the whole 95 % interval. A result of ``pyrosnn diagnose`` knows the share from
    the moments of single samples. Otherwise it is extrapolated from the sizes that are there, which
    can only find a lack, not exclude one: if all sizes are below 100, it warns in any case. So does
    a function that used one fixed A of fewer than 100 samples in all of its steps.

    Args:
        result: a result with the group ``evaluation``, and ``moments`` if it has them.

    Returns:
        The finding; its value is the share, and 1 where it warns without knowing of any lack.
    """
    known = "moments" in result.children
    finding = _from_moments(result) if known else _extrapolated(result)
    largest = int(result[GROUP].dataset["attack_samples"].max())
    if largest >= SMALL:
        return finding
    if not known and finding.status != "skipped":
        finding = _warned(
            finding,
            f"no S_A is above {largest}, and where all are so small they cannot tell whether more "
            "samples are needed",
        )
    spec = read_spec(result)
    samples = "1 sample" if largest == 1 else f"{largest} samples"
    fixed = (spec.get("attack_options") or {}).get("fixed_samples", True)
    if is_function(spec) and fixed:
        finding = _warned(
            finding,
            f"the function attacked one fixed A of {samples}, and may overfit it: take "
            f"{SMALL} or more, or ExternalAttack(fixed_samples=False), and compare with PGD",
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
    if not bool(determined(moments).any()):
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
    text = (
        f"S_A = {size} reaches {estimate:.0%} of the reachable mean cosine "
        f"(95 % interval {low:.0%} … {high:.0%}), from the moments of single samples"
    )
    return Finding(name=NAME, status=_status(high), value=estimate, message=text)


def _extrapolated(result: xr.DataTree) -> Finding:
    values = result[GROUP].dataset.sortby("attack_samples")
    sizes = values["attack_samples"].values.astype(float)
    if len(sizes) < 2:
        return skipped(NAME, f"needs two sizes of the attack set, has S_A = {sizes[0]:.0f} alone")
    largest = int(np.argmax(values["inference_samples"].values))
    cosine = at_strength(result, "cosine").sortby("attack_samples").isel(inference_samples=largest)
    by_example = (
        cosine.mean("repeat").dropna("example").transpose("example", ...).values.astype(float)
    )
    if len(by_example) == 0 or not (by_example.mean(0)[-4:] > 0.01).all():
        return skipped(NAME, "needs mean cosines above 0.01; the attack has no direction")
    share = float(reachable_share(sizes, by_example.mean(0)))
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(by_example), size=(NUM_BOOTSTRAP, len(by_example)))
    means = np.clip(by_example[drawn].mean(1), 0.01, None)
    low, high = np.quantile(reachable_share(sizes, means), (0.025, 0.975))
    text = (
        f"S_A = {sizes[-1]:.0f} has at most {share:.0%} of the reachable mean cosine "
        f"(95 % interval {low:.0%} … {high:.0%}), going by these sizes alone; "
        "pyrosnn diagnose knows more"
    )
    return Finding(name=NAME, status=_status(high), value=share, message=text)
