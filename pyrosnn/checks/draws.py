"""Independent draws of A and I in a result: blocks of images, each in every repeat."""

import numpy as np
import xarray as xr

from pyrosnn.results import GROUP, read_spec

# Student's t, or a bootstrap, of fewer draws knows too little.
MIN_DRAWS = 5


def block_size(result: xr.DataTree) -> int:
    """Return how many images share their sample sets."""
    images = result[GROUP].sizes["example"]
    return min(int(read_spec(result).get("block_size", images)), images)


def by_draw(result: xr.DataTree, values: xr.DataArray) -> xr.DataArray:
    """Return the sum of values of each block of images in each repeat: draw, then the other dims.

    Images of one block share A and I, and others have sets of their own, in every repeat.

    Args:
        result: a result with the group ``evaluation``.
        values: numbers of each image, over ``repeat``, ``example`` and any others.
    """
    size = int(read_spec(result).get("block_size", values.sizes["example"]))
    chosen = "indices" in read_spec(result)
    place = values["example"].values if chosen else np.arange(values.sizes["example"])
    sums = values.astype(float).drop_vars(["label", "example"], errors="ignore")
    sums = sums.assign_coords(block=("example", place // size)).groupby("block").sum()
    stacked = sums.stack(draw=("repeat", "block"), create_index=False)
    return stacked.transpose("draw", ...)
