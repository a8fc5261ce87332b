"""`attack-samples`: the attack has enough samples to reach the cosine that it could reach."""

import warnings

import numpy as np
import xarray as xr

from pyrosnn.checks.finding import Finding, skipped
from pyrosnn.results import GROUP
from pyrosnn.summaries import at_strength, determined, jackknife, mean_reach

NAME = "attack-samples"
WARN_BELOW, FAIL_BELOW = 0.95, 0.8
# Exponents p of the noise term; 1 if all images had one noise scale.
EXPONENTS = np.linspace(0.5, 1.0, 26)
# Fits are made to the so many largest sizes, and the smaller share counts: small sets may follow
# another curve (one sample of a saturated network decides), and three sizes alone are noisy.
NUM_SIZES = (3, 4)
NUM_BOOTSTRAP = 400


def reachable_share(sizes: np.ndarray, cosines: np.ndarray) -> np.ndarray:
    r"""Return which share of the reachable cosine the largest S_A has.

    Fits $1/\cos^2 = (1 + (B/S_A)^p) / c^2$ to the mean cosines of the three and of the four
    largest sizes, and returns the smaller share: the first-order expectation with a noise scale B
    and a reachable cosine c <= 1. It has p = 1 for one image. Images differ in B, and the mean
    over them rises more slowly: p is fitted on [0.5, 1], or 1 where there are two sizes only (then
    the share is too high rather than too low).

    Args:
        sizes: S_A, rising, at least two.
        cosines: mean cosines, positive, shape (…, size).

    Returns:
        Shares in (0, 1], shape (…).

    Example:
        >>> sizes = np.array([1.0, 10.0, 100.0])
        >>> cosines = 0.8 / np.sqrt(1 + 25 / sizes)
        >>> round(float(reachable_share(sizes, cosines)), 3)
        0.894
    """
    shares = [_fitted_share(sizes[-number:], cosines[..., -number:]) for number in NUM_SIZES]
    return np.asarray(np.minimum(*shares))


def _fitted_share(sizes: np.ndarray, cosines: np.ndarray) -> np.ndarray:
    """Return the share that one fit gives."""
    inverse = 1 / cosines[..., None, :] ** 2
    exponents = EXPONENTS if len(sizes) > 2 else np.array([1.0])
    noise = sizes ** -exponents[:, None]  # (exponent, size)
    # least squares of relative errors: the largest sizes have the smallest values
    weights = inverse**-2 / (inverse**-2).sum(-1, keepdims=True)
    centre = (weights * noise).sum(-1, keepdims=True)
    spread = (weights * (noise - centre) ** 2).sum(-1)
    slope = (weights * (noise - centre) * inverse).sum(-1) / spread  # (…, exponent)
    slope = np.maximum(slope, 0.0)
    limit = (weights * inverse).sum(-1) - slope * centre[..., 0]
    fitted = limit[..., None] + slope[..., None] * noise
    error = (weights * (fitted - inverse) ** 2).sum(-1)
    best = error.argmin(-1)[..., None]
    limit = np.take_along_axis(limit, best, -1)[..., 0].clip(min=1.0)
    now = np.take_along_axis(fitted[..., -1], best, -1)[..., 0]
    return np.asarray(np.sqrt(limit / now).clip(max=1.0))


def attack_samples(result: xr.DataTree) -> Finding:
    """Ask whether a larger S_A would make the attack's direction better.

    Warns if the share of the reachable cosine at the largest S_A is below 0.95, and fails if it is
    below 0.8, with the whole 95 % interval. A result of ``pyrosnn diagnose`` knows the share from
    the moments of single samples. Otherwise it is extrapolated from the sizes that are there, which
    can only find a lack, not exclude one.

    Args:
        result: a result with the group ``evaluation``, and ``moments`` if it has them.

    Returns:
        The finding; its value is the share.
    """
    return _from_moments(result) if "moments" in result.children else _extrapolated(result)


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
        each = [of] if folds is None else [of.isel(fold=fold) for fold in range(folds)]
        reached = [mean_reach(one, [size], size_i).isel(attack_samples=0) for one in each]
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
    each = cosine.mean("repeat").dropna("example").transpose("example", ...).values.astype(float)
    if len(each) == 0 or not (each.mean(0)[-max(NUM_SIZES) :] > 0.01).all():
        return skipped(NAME, "needs mean cosines above 0.01; the attack has no direction")
    share = float(reachable_share(sizes, each.mean(0)))
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(each), size=(NUM_BOOTSTRAP, len(each)))
    means = np.clip(each[drawn].mean(1), 0.01, None)
    low, high = np.quantile(reachable_share(sizes, means), (0.025, 0.975))
    text = (
        f"S_A = {sizes[-1]:.0f} has at most {share:.0%} of the reachable mean cosine "
        f"(95 % interval {low:.0%} … {high:.0%}), going by these sizes alone; "
        "pyrosnn diagnose knows more"
    )
    return Finding(name=NAME, status=_status(high), value=share, message=text)
