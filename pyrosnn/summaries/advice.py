"""The number of samples that an attack needs on a data set, from means over images."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from pyrosnn.errors import require
from pyrosnn.statistics import require_confidence, student_quantile
from pyrosnn.summaries.angle import HEAVY_TAILS, jackknife
from pyrosnn.summaries.growth import Growth
from pyrosnn.summaries.law import MOST, Law
from pyrosnn.summaries.reading import of_moments

CLEAR = 0.9  # share of images that must be clear for an upper end


@dataclass(frozen=True, kw_only=True)
class Advice:
    """A number of attack samples for a data set, with its uncertainty.

    Attributes:
        samples: S_A that reaches the share of the mean reachable cosine; ∞ if none is known to.
        low, high: its interval.
        share: the share.
        undetermined: images that are left out: some of their cosines are undefined, or in an older
            file, whose law is that of the moments, their estimate of ‖μ‖² is not positive.
        unclear: images whose ‖μ‖² is within two standard errors of 0. In an older file, where they
            are more than a tenth, ``high`` is ∞: what they need is not known.
    """

    samples: int | float
    low: int | float
    high: int | float
    share: float
    undetermined: int
    unclear: int


@of_moments
def determined(moments: xr.Dataset) -> xr.DataArray:
    """Return for each image whether the estimates of both ‖μ‖² are positive."""
    positive: xr.DataArray = (moments["direction_square"] > 0).all("direction")
    return positive


@of_moments
def known(moments: xr.Dataset) -> xr.DataArray:
    """Return for each image whether its cosines are defined at all sizes."""
    every: xr.DataArray = moments["resampled_cosine"].notnull().all("subset")
    return every


@of_moments
def clear(moments: xr.Dataset) -> xr.DataArray:
    """Return for each image whether both ‖μ‖² exceed two standard errors."""
    square, error = jackknife(lambda of: of["direction_square"], moments)
    clear: xr.DataArray = (square > 2 * error).all("direction")
    return clear


@of_moments
def mean_cosine(
    moments: xr.Dataset, attack_samples: Sequence[float | int], inference_samples: float | int
) -> xr.DataArray:
    """Return the predicted cosine, mean over the images whose cosines are known.

    Args:
        moments: what :func:`pyrosnn.evaluation.attack_moments` returned.
        attack_samples: S_A's; ``math.inf`` for infinitely many.
        inference_samples: S_I.
    """
    values = law_of(moments, inference_samples).means(np.array(attack_samples, dtype=float))
    return xr.DataArray(values, coords={"attack_samples": list(attack_samples)})


@of_moments
def mean_reach(
    moments: xr.Dataset, attack_samples: Sequence[float | int], inference_samples: float | int
) -> xr.DataArray:
    """Return the share of the reachable mean cosine that attacks of these sizes reach."""
    cosines = mean_cosine(moments, attack_samples, inference_samples)
    return cosines / reachable_cosine(moments, inference_samples)


@of_moments
def reachable_cosine(moments: xr.Dataset, inference_samples: float | int) -> float:
    """Return the largest mean cosine that any number of attack samples reaches; NaN if unknown.

    Args:
        moments: what :func:`pyrosnn.evaluation.attack_moments` returned.
        inference_samples: S_I.
    """
    return law_of(moments, inference_samples).ceiling


@of_moments
def advise(
    moments: xr.Dataset,
    *,
    share: float = 0.95,
    inference_samples: float | int = 100,
    confidence: float = 0.9,
) -> Advice:
    """Return the S_A whose mean predicted cosine is a given share of the reachable one.

    The interval is that of the samples that were measured, by the jackknife of the logarithm. In an
    older file, whose law is that of the moments, it is wider by ``HEAVY_TAILS``, and has no upper
    end where more than a tenth of the images is unclear.

    Args:
        moments: what :func:`pyrosnn.evaluation.attack_moments` returned.
        share: ρ.
        inference_samples: S_I.
        confidence: of the interval.

    Raises:
        ArgumentError: ``share must be between 0 and 1, got 1.5``.
    """
    require(0 < share < 1, f"share must be between 0 and 1, got {share}")
    require_confidence(confidence)

    def log_samples(of: xr.Dataset) -> xr.DataArray:
        if "fold" in of.dims:
            folds = [log_samples(of.isel(fold=fold)) for fold in range(of.sizes["fold"])]
            return xr.concat(folds, "fold")
        return xr.DataArray(math.log(samples_for_mean(of, share, inference_samples)))

    measured = is_measured(moments)
    left_out = ~known(moments) if measured else ~determined(moments)
    with np.errstate(invalid="ignore"):  # a fold may know of no number
        estimate, error = (float(value) for value in jackknife(log_samples, moments))
    wider = 1.0 if measured else HEAVY_TAILS
    reach = wider * student_quantile(confidence, moments.sizes["fold"] - 1) * error
    reach = reach if math.isfinite(reach) else math.inf  # nothing is known but the estimate
    is_clear = clear(moments)
    whole = (measured or bool(is_clear.mean() >= CLEAR)) and estimate + reach < math.log(MOST)
    return Advice(
        samples=math.ceil(math.exp(estimate) - 1e-9) if math.isfinite(estimate) else math.inf,
        low=max(1, math.floor(math.exp(estimate - reach))) if math.isfinite(estimate) else 1,
        high=math.ceil(math.exp(estimate + reach)) if whole else math.inf,
        share=share,
        undetermined=int(left_out.sum()),
        unclear=int((~is_clear).sum()),
    )


@of_moments
def samples_for_mean(moments: xr.Dataset, share: float, inference_samples: float | int) -> float:
    """Return the S_A at which :func:`mean_reach` equals a share; ∞ if none is known.

    Args:
        moments: what :func:`pyrosnn.evaluation.attack_moments` returned.
        share: ρ, between 0 and 1.
        inference_samples: S_I.
    """
    return law_of(moments, inference_samples).needed(share)


def law_of(moments: xr.Dataset, inference_samples: float | int) -> Growth | Law:
    """Return the cosine against S_A: measured, or of an older file the law of its moments.

    Args:
        moments: what :func:`pyrosnn.evaluation.attack_moments` returned.
        inference_samples: S_I.
    """
    if is_measured(moments):
        return Growth(moments, inference_samples)
    return Law(moments.isel(example=np.flatnonzero(determined(moments))), inference_samples)


@of_moments
def is_measured(moments: xr.Dataset) -> bool:
    """Whether the cosines were measured up to all samples, as older files have them not."""
    return "resampled_cosine" in moments and "unit_product" not in moments
