"""The union of labelled arrays: values are placed by their coordinates, none is guessed."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from pyrosnn.errors import MergeError

Place = slice | np.ndarray  # along one dimension


def merge_datasets(
    parts: Sequence[xr.Dataset], names: Sequence[str], dims: Sequence[str] | None = None
) -> xr.Dataset:
    """Join datasets by their coordinates.

    Parts that overlap must have the same values there, and together they must fill every variable.
    A variable need not be in all parts.

    Args:
        parts: at least one dataset.
        names: what errors call them.
        dims: the dimensions whose coordinates may differ between parts; by default all whose
            coordinates are numbers. Where they differ, those of the union rise.

    Raises:
        MergeError: for other types or dimensions of a variable, other coordinates than those of
            ``dims``, values that differ where parts overlap, or a union that the parts do not fill.
    """
    held = [_coordinates(part) for part in parts]
    labels = _labels(held, names, dims)
    places = [_places(own, labels) for own in held]
    merged: dict[str, xr.Variable] = {}
    coordinates: dict[str, None] = {}  # in order, as the variables are
    for key in dict.fromkeys(str(key) for part in parts for key in part.variables):
        having = [place for place, part in enumerate(parts) if key in part.variables]
        some, called = [parts[place] for place in having], [names[place] for place in having]
        first = some[0].variables[key]
        for part, name in zip(some[1:], called[1:], strict=True):
            _check_same_kind(key, first, part.variables[key], called[0], name)
        merged[key] = xr.Variable(
            first.dims,
            _union(key, some, called, [places[place] for place in having], labels),
            dict(first.attrs),
        )
        if key in some[0].coords:
            coordinates[key] = None
    return xr.Dataset(
        {key: variable for key, variable in merged.items() if key not in coordinates},
        coords={key: merged[key] for key in coordinates},
        attrs=parts[0].attrs,
    )


def check_same_variables(parts: Sequence[xr.Dataset], names: Sequence[str]) -> None:
    """Refuse parts that do not all have the same variables.

    Raises:
        MergeError: ``b.nc has no margin, a.nc has it``.
    """
    first = parts[0]
    for part, name in zip(parts[1:], names[1:], strict=True):
        for key in sorted(map(str, {*first.variables, *part.variables})):
            for values, lacking, having in ((first, names[0], name), (part, name, names[0])):
                if key not in values.variables:
                    raise MergeError(f"{lacking} has no {key}, {having} has it")


def check_no_gaps(values: xr.Dataset, dim: str) -> None:
    """Refuse coordinates with a gap: a missing repeat or image.

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


def _coordinates(part: xr.Dataset) -> dict[str, np.ndarray | None]:
    """Return the coordinates along each dimension, None where it has none."""
    return {
        str(dim): part.variables[dim].values if dim in part.variables else None for dim in part.dims
    }


def _labels(
    held: Sequence[Mapping[str, np.ndarray | None]],
    names: Sequence[str],
    dims: Sequence[str] | None,
) -> dict[str, np.ndarray]:
    """Return the union's coordinates along every dimension that has some."""
    labels: dict[str, np.ndarray] = {}
    origin: dict[str, str] = {}
    differ: dict[str, list[np.ndarray]] = {}
    for own, name in zip(held, names, strict=True):
        for key, values in own.items():
            if values is None:
                continue
            if key not in labels:
                labels[key], origin[key] = values, name
            elif not np.array_equal(labels[key], values):
                numbers = labels[key].dtype.kind in "iuf" and values.dtype.kind in "iuf"
                if not numbers or (dims is not None and key not in dims):
                    raise MergeError(f"{origin[key]} and {name} have other values of {key}")
                differ.setdefault(key, [labels[key]]).append(values)
    return labels | {key: np.unique(np.concatenate(every)) for key, every in differ.items()}


def _places(
    own: Mapping[str, np.ndarray | None], labels: Mapping[str, np.ndarray]
) -> dict[str, Place]:
    """Return the indices of a part in the union: slices where possible, because they are fast."""
    places: dict[str, Place] = {}
    for key, values in own.items():
        if values is None or np.array_equal(labels[key], values):
            places[key] = slice(None)
            continue
        where = np.searchsorted(labels[key], values)
        successive = len(where) > 0 and (np.diff(where) == 1).all()
        places[key] = slice(int(where[0]), int(where[-1]) + 1) if successive else where
    return places


def _check_same_kind(
    key: str, first: xr.Variable, second: xr.Variable, name: str, other: str
) -> None:
    """Refuse a variable with other dimensions or of another type; texts may differ in length."""
    if first.dims != second.dims:
        raise MergeError(f"{key} has the dimensions {first.dims} and {second.dims}")
    texts = first.dtype.kind == second.dtype.kind == "U"
    if first.dtype != second.dtype and not texts:
        raise MergeError(f"{key} is {first.dtype} in {name} and {second.dtype} in {other}")


def _union(
    key: str,
    parts: Sequence[xr.Dataset],
    names: Sequence[str],
    places: Sequence[Mapping[str, Place]],
    labels: Mapping[str, np.ndarray],
) -> np.ndarray:
    """Put the values of one variable into the union; compare them with values already there."""
    model = parts[0].variables[key]
    dims = [str(dim) for dim in model.dims]
    shape = [len(labels[dim]) if dim in labels else model.sizes[dim] for dim in dims]
    union = np.zeros(shape, dtype=np.result_type(*[part.variables[key].dtype for part in parts]))
    filled = np.zeros(shape, dtype=bool)
    for part, name, place in zip(parts, names, places, strict=True):
        values = part.variables[key].values
        at = _index([place[dim] for dim in dims], shape)
        there = filled[at]
        if there.shape != values.shape:
            raise MergeError(
                f"{key} has the shape {values.shape} in {name}, expected {there.shape}"
            )
        if there.any():
            clash = there & ~_equal(np.asarray(union[at]), values)
            if clash.any():
                where = _describe(part, model.dims, np.argwhere(clash)[0])
                raise MergeError(
                    f"{name} has another {key} than an earlier part{where}; parts that overlap "
                    "must have the same values there"
                )
        union[at] = values
        filled[at] = True
    if not filled.all():
        missing = ", ".join(
            f"{dim} {labels[dim][at]}"
            for dim, at in zip(dims, np.argwhere(~filled)[0], strict=True)
            if dim in labels
        )
        raise MergeError(f"no part has {key} at {missing}; merge with the result that has it")
    return union


def _index(places: Sequence[Place], shape: Sequence[int]) -> tuple[Place, ...]:
    """Return an index of numpy's: slices alone, or arrays alone."""
    if all(isinstance(place, slice) for place in places):
        return tuple(places)
    whole = zip(places, shape, strict=True)
    return np.ix_(*[np.arange(n)[p] if isinstance(p, slice) else p for p, n in whole])


def _equal(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Compare value by value; NaN equals NaN."""
    same = first == second
    if first.dtype.kind == "f":
        same = same | ((first != first) & (second != second))
    return np.asarray(same)  # a variable without dimensions gives a number


def _describe(part: xr.Dataset, dims: tuple[object, ...], place: np.ndarray) -> str:
    labels = [f"{dim} {part[dim].to_numpy()[at]}" for dim, at in zip(dims, place, strict=True)]
    return f" at {', '.join(labels)}" if labels else ""
