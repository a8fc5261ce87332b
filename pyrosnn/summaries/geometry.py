"""The factors of the linear radius: means over images for each repeat."""

import xarray as xr

from pyrosnn.summaries.evaluated import Evaluated, evaluation_of
from pyrosnn.summaries.reading import of_result


@of_result
def geometry_means(result: Evaluated) -> xr.Dataset:
    """Return the factors of the linear radius, averaged over images.

    Args:
        result: what a study, ``open_results`` or ``evaluate`` returned.

    Returns:
        A dataset over ``repeat``, ``strength``, ``attack_samples`` and ``inference_samples``
        with ``cosine``, ``gradient_norm``, ``margin`` and ``slope``, the product of norm and
        cosine. An image whose δ is zero has neither cosine nor slope, one whose gradient is zero
        has the slope 0 and no cosine; the means are over those that are defined.
    """
    values = evaluation_of(result)
    factors = values[["cosine", "gradient_norm", "margin"]].astype("float64")
    slope = (factors["cosine"] * factors["gradient_norm"]).where(factors["gradient_norm"] > 0, 0.0)
    return factors.assign(slope=slope.where(values["perturbation_norm"] > 0)).mean("example")
