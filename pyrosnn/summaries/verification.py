"""Verified accuracy: the share of images that no δ within a strength moves, beside an attack's."""

import xarray as xr

from pyrosnn.summaries.evaluated import group_of
from pyrosnn.summaries.reading import of_result

GROUP = "verification"

SHARES = (
    "verified",
    "unbroken",
    "expectation_verified",
    "verified_share",
    "unbroken_share",
    "robust_low",
    "robust_high",
)


@of_result
def verified_accuracy(result: xr.DataTree) -> xr.Dataset:
    """Return means over images of what is verified, and of what an attack leaves.

    Args:
        result: a result of ``verification``.

    Returns:
        Shares over ``strength``, by the variables of ``verify``.

    Example:
        >>> import pyrosnn
        >>> digits = pyrosnn.load_dataset("digits")
        >>> bnn = pyrosnn.train(pyrosnn.preset("bnn", epochs=5), digits)
        >>> x, y = digits.test_images(10)
        >>> I = pyrosnn.draw_sample_set(bnn, x, 5, seed=0, stream="inference")
        >>> values = pyrosnn.verify(bnn, x, y, samples=I, strengths=[0.0, 1.0], method="ibp")
        >>> result = pyrosnn.make_result(
        ...     values, study="mine", spec={}, provenance={}, group="verification"
        ... )
        >>> verified_accuracy(result)["verified"].sel(strength=1.0).item()
        0.0
    """
    values = group_of(result, GROUP)
    return values[[name for name in SHARES if name in values]].mean("example")
