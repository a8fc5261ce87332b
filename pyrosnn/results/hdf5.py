"""Reading the HDF5 of a result: only what pyrosnn writes, and every byte of it once.

xarray and h5netcdf open whatever HDF5 can express. A result needs little of that, so this reader
takes little: two levels of groups, plain numbers, short texts, all within the file. It reads from
memory, and what it has checked is what it reads. A test holds it to ``xarray.open_datatree``.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import h5py
import numpy as np
import xarray as xr

from pyrosnn.results.heaps import check_heaps
from pyrosnn.results.storage import Budget, Refused, check_storage

MAX_GROUPS, MAX_VARIABLES = 16, 256
MAX_LABELS = 4096  # values of a coordinate that is a text
MAX_NUMBERS, MAX_TEXTS = 1024, 32  # values of one attribute

# Attributes of netCDF-4 and HDF5 themselves.
_OWN = {
    "CLASS",
    "NAME",
    "DIMENSION_LIST",
    "REFERENCE_LIST",
    "_NCProperties",
    "_Netcdf4Coordinates",
    "_Netcdf4Dimid",
    "_nc3_strict",
}
_NUMBERS = {f"{kind}{size}" for kind in ("int", "uint") for size in (8, 16, 32, 64)}
_NUMBERS |= {"float32", "float64"}


@contextmanager
def _opened(content: bytes) -> Iterator[h5py.File]:
    """Open an HDF5 file that lies in memory."""
    with h5py.File(h5py.h5f.open_file_image(content)) as file:
        yield file


def read_tree(content: bytes) -> xr.DataTree:
    """Read a result's arrays and attributes from the bytes of its file.

    Args:
        content: the whole file.

    Raises:
        Refused: for what no result of pyrosnn holds, such as links to other files.
        Exception: whatever h5py raises on a damaged file.
    """
    check_heaps(content)
    budget = Budget(len(content))
    with _opened(content) as file:
        attrs = _attributes(file, budget)
        names = _members(file, MAX_GROUPS)
        nodes = {name: file[name] for name in names}
        groups = {
            name: _read_group(node, content, budget)
            for name, node in nodes.items()
            if isinstance(node, h5py.Group)
        }
    tree = xr.DataTree.from_dict(
        {"/": xr.Dataset(), **{f"/{name}": group for name, group in groups.items()}}
    )
    tree.attrs = attrs
    return tree


def _members(group: h5py.Group, limit: int) -> list[str]:
    """Return the names in a group; refuse links that are not part of the file's own tree."""
    if len(group) > limit:
        raise Refused(f"{group.name} has {len(group)} members, expected at most {limit}")
    names = [_text(name) for name in group]
    for name in names:
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise Refused(f"{name} is a link to another place; a result has everything in itself")
    return names


def _read_group(group: h5py.Group, content: bytes, budget: Budget) -> xr.Dataset:
    nodes = {name: group[name] for name in _members(group, MAX_VARIABLES)}
    for name, node in nodes.items():
        if not isinstance(node, h5py.Dataset):
            raise Refused(f"{name} is a {type(node).__name__}, expected an array")
    addresses = {h5py.h5o.get_info(node.id).addr: name for name, node in nodes.items()}
    scales = {name for name, node in nodes.items() if _is_scale(node, budget)}
    attrs = _attributes(group, budget)
    coordinates = scales | set(str(attrs.pop("coordinates", "")).split())
    variables = {}
    for name, node in nodes.items():
        dims = (name,) if name in scales else _dims(node, addresses)
        values = _values(node, content, budget)
        own = _attributes(node, budget)
        coordinates |= set(str(own.pop("coordinates", "")).split())
        variables[name] = xr.Variable(dims, _decoded(name, values, own), own)
    return xr.Dataset(
        {name: value for name, value in variables.items() if name not in coordinates},
        coords={name: value for name, value in variables.items() if name in coordinates},
        attrs=attrs,
    )


def _is_scale(node: h5py.Dataset, budget: Budget) -> bool:
    if "CLASS" not in node.attrs or _attribute(node, "CLASS", budget) != "DIMENSION_SCALE":
        return False
    if len(node.shape) != 1:
        raise Refused(f"the coordinate {node.name} has {len(node.shape)} dimensions, expected 1")
    return True


def _dims(node: h5py.Dataset, addresses: dict[int, str]) -> tuple[str, ...]:
    """Return the names of a variable's dimensions: the arrays that it refers to."""
    if not node.shape:
        return ()
    if len(node.shape) > len(addresses) or "DIMENSION_LIST" not in node.attrs:
        raise Refused(f"{node.name} does not say what its dimensions are")
    attribute = node.attrs.get_id("DIMENSION_LIST")
    if attribute.shape != (len(node.shape),):
        raise Refused(f"{node.name} has {len(node.shape)} dimensions, but names others")
    dims = []
    for references in node.attrs["DIMENSION_LIST"]:
        (reference,) = references
        target = h5py.h5r.dereference(reference, node.id)
        dims.append(addresses[h5py.h5o.get_info(target).addr])
    return tuple(dims)


def _values(node: h5py.Dataset, content: bytes, budget: Budget) -> np.ndarray:
    """Read an array of numbers or texts."""
    if h5py.check_string_dtype(node.dtype) is not None:
        return _labels(node, content, budget)
    if node.dtype.newbyteorder("=").name not in _NUMBERS or h5py.check_enum_dtype(node.dtype):
        raise Refused(f"{node.name} has the type {node.dtype}, expected numbers or texts")
    check_storage(node, node.dtype.itemsize, content, budget)
    values: np.ndarray = node[()]
    return np.asarray(values).astype(node.dtype.newbyteorder("="), copy=False)


def _labels(node: h5py.Dataset, content: bytes, budget: Budget) -> np.ndarray:
    """Read texts one by one: many of them may point to one place of the file."""
    if len(node.shape) != 1 or node.shape[0] > MAX_LABELS:
        raise Refused(f"{node.name} has texts of shape {node.shape}, expected (… {MAX_LABELS},)")
    check_storage(node, node.id.get_type().get_size(), content, budget)
    texts = [_text(node[place]) for place in range(node.shape[0])]
    budget.take_text(sum(map(len, texts)))
    return np.array(texts, dtype=np.str_)


def _decoded(name: str, values: np.ndarray, attrs: dict[str, Any]) -> np.ndarray:
    """Undo what xarray does to store an array, and drop the attributes that say so."""
    fill = attrs.pop("_FillValue", None)
    if fill is not None and not (values.dtype.kind == "f" and math.isnan(fill)):
        raise Refused(f"{name} has the fill value {fill}, expected none")
    for foreign in {"scale_factor", "add_offset", "missing_value", "_Unsigned"} & set(attrs):
        raise Refused(f"{name} has the attribute {foreign}, which a result does not need")
    stored = attrs.pop("dtype", None)
    if stored is None:
        return values
    if stored != "bool" or values.dtype != np.int8:
        raise Refused(f"{name} is {values.dtype} that stands for {stored}, expected bool in int8")
    return values.astype(bool)


def _attributes(node: h5py.HLObject, budget: Budget) -> dict[str, Any]:
    names = [_text(name) for name in node.attrs]
    return {name: _attribute(node, name, budget) for name in names if name not in _OWN}


def _attribute(node: h5py.HLObject, name: str, budget: Budget) -> Any:
    """Read an attribute: a text or a number, or a few of them."""
    found = node.attrs.get_id(name)
    number = math.prod(found.shape or ())
    is_text = h5py.check_string_dtype(found.dtype) is not None
    if not is_text and found.dtype.newbyteorder("=").name not in _NUMBERS:
        raise Refused(f"the attribute {name} has the type {found.dtype}")
    if number > (MAX_TEXTS if is_text else MAX_NUMBERS):
        raise Refused(f"the attribute {name} has {number} values")
    value = node.attrs[name]
    if isinstance(value, h5py.Empty):
        return ""
    if not is_text:
        budget.take_text(number)
        return np.asarray(value).reshape(-1)[0] if number == 1 else value
    texts = [_text(one) for one in np.asarray(value, dtype=object).reshape(-1)]
    budget.take_text(sum(map(len, texts)))
    return texts[0] if len(texts) == 1 else texts


def _text(value: Any) -> str:
    """Return a text; h5py gives bytes, or lone surrogates, for what is no UTF-8."""
    text = value.decode("utf-8") if isinstance(value, bytes) else str(value)
    text.encode("utf-8")
    return text
