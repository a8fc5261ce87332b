"""Results as netCDF-4 files: written atomically, checked when read."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from pyrosnn.errors import ArgumentError, FileError, first_line, require
from pyrosnn.results.dataset import combine_repeats
from pyrosnn.results.schema import GROUP, SCHEMA_VERSION
from pyrosnn.results.storable import check_storable
from pyrosnn.results.validation import check_result_tree
from pyrosnn.settings import check_argument, checked_arguments
from pyrosnn.storage import netcdf, read_whole, write_whole
from pyrosnn.storage.kinds import RESULT, foreign_kind_of, kind_of


@checked_arguments
def make_result(
    dataset: xr.Dataset,
    *,
    study: str,
    spec: Mapping[str, Any],
    provenance: Mapping[str, Any],
    group: str = GROUP,
    others: Mapping[str, xr.Dataset] | None = None,
) -> xr.DataTree:
    """Join the arrays of a study with its spec and provenance.

    Args:
        dataset: the arrays, all repeats and blocks; what ``evaluate`` returns is one repeat.
        study: name of the study.
        spec: every setting of the study, as plain values.
        provenance: versions, seed, device, digests, times.
        group: kind of the arrays, a name in ``GROUPS`` or of the study's own.
        others: arrays of other kinds by group, where a study has several.

    Example:
        >>> import pyrosnn
        >>> digits = pyrosnn.load_dataset("digits")
        >>> bnn = pyrosnn.train(pyrosnn.preset("bnn", epochs=5), digits)
        >>> x, y = digits.test_images(50)
        >>> A, I = pyrosnn.disjoint_sample_sets(bnn, x, attack=10, inference=50, seed=0)
        >>> attack = pyrosnn.FGM(strength=0.5)
        >>> sets = {"attack_samples": A, "inference_samples": I}
        >>> values = pyrosnn.evaluate(bnn, x, y, attack=attack, **sets)
        >>> result = make_result(values, study="mine", spec={"strength": 0.5}, provenance={})
        >>> list(pyrosnn.summaries.accuracy_table(result).index.names)
        ['strength', 'attack_samples', 'inference_samples']
    """
    if group == GROUP and "repeat" not in dataset.dims:
        dataset = combine_repeats([dataset])
    groups = {f"/{name}": arrays for name, arrays in {group: dataset, **(others or {})}.items()}
    tree = xr.DataTree.from_dict({"/": xr.Dataset(), **groups})
    tree.attrs = {
        "Conventions": "CF-1.11",
        "title": f"pyrosnn study {study}",
        "study": study,
        "schema_version": SCHEMA_VERSION,
        # one JSON text each: netCDF attributes hold neither None, nor booleans, nor mappings
        "spec": _json("spec", spec),
        "provenance": _json("provenance", provenance),
    }
    return tree


def _json(name: str, values: Mapping[str, Any]) -> str:
    """Return plain values as JSON."""
    try:
        return json.dumps(dict(values), sort_keys=True)
    except (TypeError, ValueError, RecursionError) as error:
        raise ArgumentError(
            f"{name} must have plain values by name (numbers, texts, lists), as JSON has them: "
            f"{first_line(error)}; of a numpy number, float(…) or int(…)"
        ) from None


@checked_arguments
def save_results(path: str | Path, result: xr.DataTree, *, overwrite: bool = False) -> None:
    """Write a result to a netCDF-4 file.

    Args:
        path: the file, by convention ``*.nc``.
        result: what a study or :func:`make_result` returned.
        overwrite: replace an existing file.

    Raises:
        ArgumentError: for what :func:`open_results` would not read as it is: values that are
            neither numbers nor texts, attributes that are no plain values, or a variable of
            pyrosnn with other dimensions than its own.
        FileError: if the file exists and ``overwrite`` is not set, or cannot be written.
    """
    check_storable(result)
    # made in memory: HDF5 cannot be trusted to report a disk that is full
    write_whole(path, _to_bytes(result), overwrite=overwrite)


def _to_bytes(result: xr.DataTree) -> bytes:
    """Return the bytes of a file, once they have been read again."""
    try:
        content = netcdf.to_bytes(result)
        again = netcdf.from_bytes(content)
        _require_result(again)
    except MemoryError:
        raise  # the machine is too small
    except Exception as error:  # of xarray and HDF5, for what has no sentence of its own yet
        raise ArgumentError(f"the result cannot be saved: {first_line(error)}") from error
    for name, node in result.children.items():
        there, here = again[name].dataset, node.dataset
        changed = [key for key in here.variables if not _is_same(here, there, key)]
        require(
            not changed,
            f"{', '.join(map(str, changed))} would be read as other values than are saved; give "
            "plain numbers or texts, without attributes or an encoding of their own",
        )
    return content


def _is_same(here: xr.Dataset, there: xr.Dataset, name: Any) -> bool:
    """Whether a variable has the same dimensions, values and coordinates in two datasets."""
    if name not in there.variables or (name in here.coords) != (name in there.coords):
        return False
    first, second = (values.variables[name] for values in (here, there))
    return first.dims == second.dims and xr.Dataset({"x": first}).equals(xr.Dataset({"x": second}))


@checked_arguments
def open_results(path: str | Path) -> xr.DataTree:
    """Read a result file into memory.

    Args:
        path: a file that pyrosnn wrote.

    Returns:
        The tree: arrays in a group named after their kind (``evaluation``: values of every
        image), settings in its attributes.

    Raises:
        FileError: for a file that is missing, truncated, damaged, a checkpoint, no netCDF, no
            result of pyrosnn, of a newer schema, or with what no result holds: links to other
            files, arrays that expand too much, other types than numbers and texts.
    """
    path = Path(path)
    content = read_whole(path, "result file")
    try:
        tree = netcdf.from_bytes(content)
    except netcdf.ContentError as error:
        raise FileError(
            f"{path} holds what no result may: {first_line(error)}; write it again without, or run "
            "the study again"
        ) from error
    except ValueError as error:
        if (kind := kind_of(content)) not in (None, RESULT):
            raise FileError(f"{path} is a {kind}, expected a result (.nc)") from None
        if kind is None and not netcdf.has_checksum(content):
            raise FileError(
                f"{path} is {foreign_kind_of(content) or 'no netCDF-4 file'}; expected a result "
                "(.nc, netCDF-4) that a study or pyrosnn.save_results wrote"
            ) from None
        raise FileError(
            f"{path} is not a readable netCDF file ({first_line(error)}); it "
            f"{'is damaged' if netcdf.has_checksum(content) else 'may be truncated'}: run the "
            "study or copy it again"
        ) from error
    if not _is_result(tree):
        raise FileError(
            f"{path} is a netCDF file, but not a result of pyrosnn; make one with "
            "pyrosnn.make_result and pyrosnn.save_results"
        )
    if str(tree.attrs["schema_version"]) != str(SCHEMA_VERSION):
        raise FileError(
            f"{path} has result schema {tree.attrs['schema_version']}, this pyrosnn reads "
            f"{SCHEMA_VERSION}; use the pyrosnn that wrote it or run the study again"
        )
    try:
        check_result_tree(tree)
    except ValueError as error:
        raise FileError(f"{path} is a damaged result: {first_line(error)}") from error
    return tree


def _is_result(tree: xr.DataTree) -> bool:
    return "schema_version" in tree.attrs and bool(tree.children)


def _require_result(tree: xr.DataTree) -> None:
    """Refuse a tree that :func:`open_results` would not open."""
    if not _is_result(tree) or str(tree.attrs["schema_version"]) != str(SCHEMA_VERSION):
        raise ValueError("it is no result of this pyrosnn; make one with make_result")
    check_result_tree(tree)


def read_spec(result: xr.DataTree) -> dict[str, Any]:
    """Return the settings of the study that made a result.

    Raises:
        ArgumentError: for what is no result, and where a setting is asked for that it lacks.
    """
    return _recorded(result, "spec", "setting")


def read_provenance(result: xr.DataTree) -> dict[str, Any]:
    """Return the versions, seed, device, digests and times of a result.

    Raises:
        ArgumentError: for what is no result, and where an entry is asked for that it lacks.
    """
    return _recorded(result, "provenance", "entry")


class _Recorded(dict[str, Any]):
    """What a result says of itself, by name: a name that it lacks is no error of the program."""

    def __init__(self, values: Mapping[str, Any], place: str, kind: str):
        super().__init__(values)
        self._place, self._kind = place, kind

    def __missing__(self, name: str) -> Any:
        raise ArgumentError(
            f"the {self._place} of the result has no {self._kind} '{name}', which its study "
            "writes; it was changed, or made by another program: run the study again"
        )


def _recorded(result: xr.DataTree, place: str, kind: str) -> dict[str, Any]:
    check_argument("result", result, xr.DataTree)
    try:
        values = json.loads(result.attrs.get(place, ""))
    except (TypeError, ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise ArgumentError(
            f"the tree has no {place} that can be read, and is no result; read a file with "
            "pyrosnn.open_results, or make one with pyrosnn.make_result"
        )
    return _Recorded(values, place, kind)
