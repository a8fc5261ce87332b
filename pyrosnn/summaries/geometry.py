"""What the linear radius is made of: means over images for each repeat."""

import xarray as xr

from pyrosnn.results import GROUP


def geometry_means(result: xr.DataTree) -> xr.Dataset:
    """Return the factors of the linear radius, averaged over images.

    Args:
        result: a result file or what a study returned.

    Returns:
        A dataset over ``repeat``, ``strength``, ``attack_samples`` and ``inference_samples``
        with ``cosine``, ``gradient_norm``, ``margin`` and ``slope``, the product of norm and
        cosine. Images whose cosine is undefined (a zero gradient) are left out of all four.
    """
    values = result[GROUP].dataset[["cosine", "gradient_norm", "margin"]]
    values = values.astype("float64").assign(slope=values["cosine"] * values["gradient_norm"])
    return values.where(values["cosine"].notnull()).mean("example")
