"""The union of labelled arrays: each value put where its coordinates say, and no value guessed."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from pyrosnn.errors import MergeError


def merge_datasets(
    parts: Sequence[xr.Dataset], names: Sequence[str], dims: Sequence[str]
) -> xr.Dataset:
    """Join datasets over some of their dimensions.

    Args:
        parts: datasets with the same variables.
        names: what errors call them.
        dims: the dimensions that may have other coordinates in each; these are numbers, and rise
            in what is returned.

    Raises:
        MergeError: for other variables, types or other coordinates than those of ``dims``, values
            that differ where parts overlap, or a union that the parts do not fill.
    """
    first = parts[0]
    for part, name in zip(parts[1:], names[1:], strict=True):
        _check_same_variables(first, part, names[0], name)
        for key, coordinate in first.coords.items():
            if key in coordinate.dims and key not in dims and not coordinate.equals(part[key]):
                raise MergeError(f"{names[0]} and {name} have other values of {key}")
    labels = {
        dim: np.unique(np.concatenate([part[dim].to_numpy() for part in parts]))
        for dim in dims
        if dim in first.dims
    }
    merged = {
        key: xr.Variable(
            variable.dims, _place(str(key), parts, names, labels), dict(variable.attrs)
        )
        for key, variable in first.variables.items()
    }
    return xr.Dataset(
        {key: merged[key] for key in first.data_vars},
        coords={key: merged[key] for key in first.coords},
        attrs=first.attrs,
    )


def check_no_gaps(values: xr.Dataset, dim: str) -> None:
    """Refuse numbers that are not successive: a repeat or an image between them is missing.

    Raises:
        MergeError: naming the first that is missing.
    """
    if dim not in values.coords:
        return
    numbers = values[dim].to_numpy()
    gaps = np.flatnonzero(np.diff(numbers) != 1)
    if len(gaps):
        raise MergeError(
            f"{dim} {int(numbers[gaps[0]]) + 1} is missing between {int(numbers[0])} and "
            f"{int(numbers[-1])}; merge with the result that has it"
        )


def _check_same_variables(first: xr.Dataset, part: xr.Dataset, name: str, other: str) -> None:
    for key in sorted(map(str, {*first.variables, *part.variables})):
        for values, lacking, having in ((first, name, other), (part, other, name)):
            if key not in values.variables:
                raise MergeError(f"{lacking} has no {key}, {having} has it")
        kinds = [(side.variables[key].dims, side.variables[key].dtype) for side in (first, part)]
        if kinds[0][0] != kinds[1][0]:
            raise MergeError(f"{key} has the dimensions {kinds[0][0]} and {kinds[1][0]}")
        if kinds[0][1].kind != kinds[1][1].kind or (
            kinds[0][1].kind != "U" and kinds[0][1] != kinds[1][1]
        ):
            raise MergeError(f"{key} is {kinds[0][1]} in {name} and {kinds[1][1]} in {other}")


def _place(
    key: str, parts: Sequence[xr.Dataset], names: Sequence[str], labels: dict[str, np.ndarray]
) -> np.ndarray:
    """Put the values of one variable into the union, and compare what is there already."""
    model = parts[0].variables[key]
    shape = [len(labels[dim]) if dim in labels else model.sizes[dim] for dim in model.dims]
    union = np.zeros(shape, dtype=np.result_type(*[part.variables[key].dtype for part in parts]))
    filled = np.zeros(shape, dtype=bool)
    for part, name in zip(parts, names, strict=True):
        places = np.ix_(
            *[
                np.searchsorted(labels[dim], part[dim].to_numpy())
                if dim in labels
                else np.arange(model.sizes[dim])
                for dim in model.dims
            ]
        )
        values = part.variables[key].to_numpy()
        clash = filled[places] & ~_equal(np.asarray(union[places]), values)
        if clash.any():
            where = _describe(part, model.dims, np.argwhere(clash)[0])
            raise MergeError(
                f"{name} has another {key} than an earlier part{where}; parts that overlap must "
                "have the same values there"
            )
        union[places] = values
        filled[places] = True
    if not filled.all():
        place = np.argwhere(~filled)[0]
        coordinates = {dim: labels[dim] for dim in model.dims if dim in labels}
        missing = ", ".join(
            f"{dim} {coordinates[dim][at]:g}"
            for dim, at in zip(model.dims, place, strict=True)
            if dim in coordinates
        )
        raise MergeError(f"no part has {key} at {missing}; merge with the result that has it")
    return union


def _equal(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Compare value by value; NaN equals NaN."""
    same = first == second
    if first.dtype.kind == "f":
        same = same | ((first != first) & (second != second))
    return np.asarray(same)  # a variable without dimensions gives a number


def _describe(part: xr.Dataset, dims: tuple[object, ...], place: np.ndarray) -> str:
    labels = [f"{dim} {part[dim].to_numpy()[at]}" for dim, at in zip(dims, place, strict=True)]
    return f" at {', '.join(labels)}" if labels else ""
