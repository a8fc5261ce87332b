"""A dataset as bytes and back: what a cell's file holds."""

import json
from typing import Any

import numpy as np
import safetensors.numpy
import xarray as xr

LAYOUT = "layout"  # the tensor that holds names, dimensions and attributes as JSON


def pack(values: xr.Dataset, seconds: float) -> bytes:
    """Return a dataset as bytes; :func:`unpack` gives an identical one.

    Args:
        values: arrays of numbers, with coordinates of numbers or texts.
        seconds: kept with them.
    """
    arrays, layout = {}, []
    for name, variable in values.variables.items():
        array = np.ascontiguousarray(variable.values)
        is_text = array.dtype.kind == "U"
        layout.append(
            {
                "name": name,
                "dims": variable.dims,
                "attrs": variable.attrs,
                "coordinate": name in values.coords,
                "texts": array.tolist() if is_text else None,
            }
        )
        if not is_text:
            arrays[f"={name}"] = array.reshape(variable.shape)
    text = json.dumps({"seconds": seconds, "variables": layout})
    arrays[LAYOUT] = np.frombuffer(text.encode(), dtype=np.uint8)
    return bytes(safetensors.numpy.save(arrays))


def unpack(image: bytes) -> tuple[xr.Dataset, float]:
    """Return the dataset and the seconds that :func:`pack` made bytes of."""
    arrays = safetensors.numpy.load(image)
    kept = json.loads(arrays[LAYOUT].tobytes())
    variables: dict[str, Any] = {}
    for each in kept["variables"]:
        name, texts = each["name"], each["texts"]
        array = arrays[f"={name}"] if texts is None else np.array(texts)
        variables[name] = (each["dims"], array, each["attrs"])
    coordinates = [each["name"] for each in kept["variables"] if each["coordinate"]]
    # all at once: the order of the variables is that of a file's
    return xr.Dataset(variables).set_coords(coordinates), kept["seconds"]
