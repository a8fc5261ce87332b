"""Labelled arrays from numbers: xarray datasets that follow the schema."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from pyrosnn.errors import ArgumentError, first_line, require
from pyrosnn.results.schema import ALONG, COORDINATES, DIMS, VARIABLES
from pyrosnn.settings import checked_arguments


def make_dataset(values: Mapping[str, np.ndarray], coords: Mapping[str, Any]) -> xr.Dataset:
    """Label the arrays of one evaluation.

    Args:
        values: arrays by variable name, each with the dimensions that ``VARIABLES`` names.
        coords: coordinates by name; ``label`` lies along ``example``.

    Returns:
        A dataset with CF-style ``long_name`` and ``units`` on every array.
    """
    arrays = {}
    for name, value in values.items():
        variable = VARIABLES[name]
        attrs = {"long_name": variable.long_name, "units": variable.units}
        arrays[name] = xr.DataArray(_typed(value, variable.dtype), dims=variable.dims, attrs=attrs)
    labelled = {name: _coordinate(name, coordinate) for name, coordinate in coords.items()}
    return xr.Dataset(arrays, coords=labelled)


def _typed(value: np.ndarray, dtype: str) -> np.ndarray:
    """Return values in the schema's type, or in a wider one where integers do not fit it."""
    expected = np.dtype(dtype)
    if expected.kind == "i" and value.size and value.max() > np.iinfo(expected).max:
        return value.astype(np.int64)
    return value.astype(expected)


def _coordinate(name: str, values: Any) -> xr.DataArray:
    long_name, units = COORDINATES[name]
    dim = ALONG.get(name, name)
    attrs = {"long_name": long_name, "units": units}
    array = np.asarray(values)
    return xr.DataArray(array, dims=(dim,) if array.ndim else (), attrs=attrs)


@checked_arguments
def combine(parts: Sequence[xr.Dataset], dim: str) -> xr.Dataset:
    """Join datasets along a dimension, keeping the schema's order of dimensions.

    Variables without the dimension must be equal in all parts.

    Args:
        parts: at least one dataset.
        dim: a dimension of the parts.

    Raises:
        ArgumentError: for no parts, a dimension that some part lacks, and parts that differ in
            anything else.
    """
    require(len(parts) >= 1, "got no datasets to combine; expected at least one")
    for part in parts:
        has = ", ".join(map(str, part.dims))
        require(dim in part.dims, f"there is no dimension '{dim}' to combine over, but {has}")
    try:
        joined = xr.concat(
            list(parts),
            dim=dim,
            data_vars="minimal",
            coords="minimal",
            compat="equals",
            join="exact",
            combine_attrs="override",
        )
    except ValueError as error:  # of coordinates, variables or values that are not the same
        raise ArgumentError(
            f"the datasets cannot be combined over '{dim}': {first_line(error)}"
        ) from None
    return joined.transpose(*[d for d in DIMS if d in joined.dims])


@checked_arguments
def combine_repeats(parts: Sequence[xr.Dataset], *, first: int = 0) -> xr.Dataset:
    """Join the datasets of repeats ``first``, ``first + 1``, … along the dimension ``repeat``."""
    return combine([with_repeat(part, place) for place, part in enumerate(parts, first)], "repeat")


def with_repeat(values: xr.Dataset, repeat: int) -> xr.Dataset:
    """Add the dimension ``repeat`` in front, unless the dataset has it."""
    if "repeat" in values.dims:
        return values
    variables = {
        key: variable.expand_dims("repeat") for key, variable in values.data_vars.variables.items()
    }
    coords = {**values.coords.variables, "repeat": _coordinate("repeat", [repeat])}
    return xr.Dataset(variables, coords=coords, attrs=values.attrs)
