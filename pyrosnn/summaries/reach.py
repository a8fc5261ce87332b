"""The share of the reachable cosine at S_A, which makes attacks comparable."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from pyrosnn.errors import require
from pyrosnn.settings import checked_arguments
from pyrosnn.summaries.advice import mean_cosine, reachable_cosine
from pyrosnn.summaries.line import EXPONENTS, least_squares
from pyrosnn.summaries.reading import of_cosines, of_moments

DIM = "attack_samples"


def follows_law(spec: Mapping[str, Any]) -> bool:
    """Whether the cosine of an attack grows with S_A as :func:`fit_reach` says.

    It does for one step along the gradient, in l2. Many steps leave the gradient at x, and the
    step in linf takes signs alone. What a result does not say counts as such a step.

    Args:
        spec: the settings of a result.

    Example:
        >>> follows_law({"attack": "fgm", "norm": "l2"}), follows_law({"attack": "pgd"})
        (True, False)
    """
    one_step, length = spec.get("attack", "fgm"), spec.get("norm", "l2")
    return (one_step, length) == ("fgm", "l2")


def no_reach(cosine: xr.DataArray) -> xr.Dataset:
    """Return the values of :func:`fit_reach` for an attack without the law: all but cosines NaN.

    Args:
        cosine: mean cosines that were measured, over ``attack_samples``.
    """
    return fit_reach(xr.full_like(cosine, np.nan)).assign(cosine=cosine)


@of_cosines
def fit_reach(cosine: xr.DataArray) -> xr.Dataset:
    r"""Fit the growth of the cosine with the number of attack samples.

    To first order (:func:`pyrosnn.conditions.expected_cosine`) the cosine at a fixed S_I is

    $$\cos(S_A) = \frac{c}{\sqrt{1 + B / S_A}}$$

    with c, the cosine that more attack samples can reach, and the noise scale
    $B = \operatorname{tr} \Sigma / \|\mu\|^2$ of the attack's gradient. So $1 / \cos^2$ is linear
    in $1 / S_A$: the line is fitted by least squares, weighted so that equal errors of the
    cosines count alike. The law holds for a single gradient step; images have a B each, and the
    mean over images follows it only roughly. ``error`` says how roughly.

    Args:
        cosine: mean cosines, dimension ``attack_samples`` with the sizes as coordinate. Sizes
            whose mean is NaN are left out.

    Returns:
        A dataset over ``attack_samples``: the ``cosine`` given, ``reach``, the share
        $1 / \sqrt{1 + B / S_A}$ of the reachable cosine, and the scalars ``noise_scale`` B (in
        samples), ``limit`` c and ``error``, the largest difference of a mean cosine from the
        law. All but the cosine are NaN where there is no such fit: fewer than two sizes, a mean
        cosine that is not positive, or cosines that grow like $\sqrt{S_A}$ up to the largest
        size, so that what is reachable cannot be told.

    References:
        Däubener and Fischer (2022), section 4, has the Gaussian model of the gradients.

    Example:
        >>> sizes = np.array([1, 10, 100])
        >>> means = 0.9 / np.sqrt(1 + 10 / sizes)
        >>> cosine = xr.DataArray(means, coords={"attack_samples": sizes})
        >>> fit = fit_reach(cosine)
        >>> round(float(fit["noise_scale"]), 3), round(float(fit["limit"]), 3)
        (10.0, 0.9)
        >>> fit["reach"].values.round(3).tolist()
        [0.302, 0.707, 0.953]
    """
    sizes = cosine[DIM].values.astype("float64")
    means = cosine.values.astype("float64")
    noise_scale, limit = _fit_line(sizes, means)
    reach = 1 / np.sqrt(1 + noise_scale / sizes)
    error = np.nan if np.isnan(limit) else float(np.nanmax(abs(means - limit * reach)))
    return xr.Dataset(
        {
            "cosine": cosine,
            "reach": (DIM, reach),
            "noise_scale": noise_scale,
            "limit": limit,
            "error": error,
        }
    )


def _fit_line(sizes: np.ndarray, cosines: np.ndarray) -> tuple[float, float]:
    """Return B and c; NaN for both if the cosines determine no line."""
    known = ~np.isnan(cosines)
    sizes, cosines = sizes[known], cosines[known]
    if len(sizes) < 2 or (cosines <= 0).any():
        return np.nan, np.nan
    intercept, slope = (float(value) for value in least_squares(sizes, cosines, power=6.0)[:2])
    return (slope / intercept, intercept**-0.5) if intercept > 0 else (np.nan, np.nan)


@of_cosines
def reachable_share(sizes: np.ndarray, cosines: np.ndarray) -> np.ndarray:
    r"""Return an upper bound on the largest S_A's share of the reachable cosine.

    The law of :func:`fit_reach` with $(B / S_A)^p$, p in [0.5, 1], or 1 where there are two sizes
    only, and a reachable cosine of at most 1, is fitted to the three and to the four largest
    sizes. The smaller share counts: small sets may follow another curve (one sample of a saturated
    network decides), and three sizes alone are noisy.

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
    shares = []
    for number in (3, 4):
        exponents = EXPONENTS if len(sizes[-number:]) > 2 else (1.0,)
        largest = sizes[-number:]
        intercept, slope, exponent = least_squares(
            largest, cosines[..., -number:], power=4.0, exponents=exponents
        )
        now = intercept + slope * sizes[-1] ** -exponent
        shares.append(np.sqrt(intercept.clip(min=1.0) / now).clip(max=1.0))
    return np.asarray(np.minimum(*shares))


@of_moments
def known_reach(moments: xr.Dataset, cosine: xr.DataArray, inference_samples: int) -> xr.Dataset:
    """Return the values of :func:`fit_reach`, from moments of single samples instead of a fit.

    Every image has its own B here, so that nothing is extrapolated from small sizes.

    Args:
        moments: what :func:`pyrosnn.evaluation.attack_moments` returned, for the same images.
        cosine: mean cosines that were measured, over ``attack_samples``.
        inference_samples: S_I.

    Returns:
        The same variables; ``noise_scale`` is NaN, as there is no common one, and ``error`` is the
        largest difference of a measured mean cosine from the predicted one.
    """
    sizes = cosine[DIM].values.tolist()
    predicted = mean_cosine(moments, sizes, inference_samples).values
    limit = reachable_cosine(moments, inference_samples)
    return xr.Dataset(
        {
            "cosine": cosine,
            # a large A may reach less than a smaller one; shares are looked up on the way up
            "reach": (DIM, np.maximum.accumulate(predicted / limit)),
            "noise_scale": np.nan,
            "limit": limit,
            "error": float(np.nanmax(abs(cosine.values - predicted))),
        }
    )


@checked_arguments
def samples_for_reach(noise_scale: float | int, share: float) -> float:
    r"""Return the S_A for a share of the reachable cosine: $B \rho^2 / (1 - \rho^2)$.

    Args:
        noise_scale: B, in samples.
        share: ρ, in [0, 1]; 1 needs infinitely many samples, unless there is no noise.

    Example:
        >>> round(samples_for_reach(10.0, 0.9), 1)
        42.6
    """
    require(0 <= share <= 1, f"share must be between 0 and 1, got {share}")
    if noise_scale == 0:
        return 0.0
    return float(np.inf) if share >= 1 else noise_scale * share**2 / (1 - share**2)


@of_cosines
def at_reach(values: xr.DataArray, fit: xr.Dataset, share: float) -> xr.DataArray | None:
    """Return values at a share of the reachable cosine, between two sizes S_A.

    Args:
        values: any values over ``attack_samples``.
        fit: what :func:`fit_reach` found for the same sizes.
        share: ρ. Between sizes the values are interpolated linearly in the reach; nothing is
            extrapolated. Of sizes with the same reach, as without noise, the largest counts.

    Returns:
        The values without ``attack_samples``; None where the sizes do not enclose the share.
    """
    reach = fit["reach"].values
    # the sizes rise, and the reach with them
    if np.isnan(reach).any() or not reach[0] <= share <= reach[-1]:
        return None
    upper = int(np.searchsorted(reach, share, side="right"))
    low: xr.DataArray = values.isel({DIM: upper - 1}, drop=True)
    if reach[upper - 1] == share:
        return low
    high: xr.DataArray = values.isel({DIM: upper}, drop=True)
    weight = float((share - reach[upper - 1]) / (reach[upper] - reach[upper - 1]))
    return low + weight * (high - low)
