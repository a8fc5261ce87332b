"""A cell's values as the bytes of a file and back: numbers as arrays, all else in the header."""

from typing import Any

import numpy as np
import xarray as xr

from pyrosnn.storage import bundle
from pyrosnn.storage.kinds import CELL


def pack(values: xr.Dataset, seconds: float) -> bytes:
    """Return a dataset as bytes; :func:`unpack` gives an identical one.

    Args:
        values: arrays of numbers, with coordinates of numbers or texts.
        seconds: kept with them.
    """
    texts = {
        name: variable.values.tolist()
        for name, variable in values.variables.items()
        if variable.dtype.kind == "U"
    }
    arrays = {
        str(name): np.ascontiguousarray(variable.values).reshape(variable.shape)
        for name, variable in values.variables.items()
        if name not in texts
    }
    layout = [  # a list: the order of the variables is that of a result's file
        [name, variable.dims, variable.attrs, name in values.coords]
        for name, variable in values.variables.items()
    ]
    return bundle.to_bytes(CELL, arrays, {"seconds": seconds, "layout": layout, "texts": texts})


def unpack(content: bytes) -> tuple[xr.Dataset, float]:
    """Return the dataset and the seconds that :func:`pack` made bytes of.

    Raises:
        ValueError: for a damaged file, or one of another kind.
    """
    arrays, header = bundle.from_bytes(CELL, content)
    stored: dict[str, Any] = arrays | {k: np.array(v) for k, v in header["texts"].items()}
    layout = header["layout"]
    variables = {name: (dims, stored[name], attrs) for name, dims, attrs, _ in layout}
    values = xr.Dataset(variables).set_coords([name for name, *_, is_coord in layout if is_coord])
    return values, header["seconds"]
