"""Results as bytes and back: netCDF-4, with a checksum of the whole behind its end.

HDF5 does not look at the bytes behind its end, and checks arrays at most. With the SHA-256 of all
bytes, a damaged file is told before anything in it is believed. A file that another program has
written has no checksum, and is read without: two levels of groups, numbers and texts, all of
them in the file itself.
"""

import hashlib
import io
import math
from typing import Any

import h5py
import numpy as np
import xarray as xr

from pyrosnn.errors import first_line
from pyrosnn.storage.heaps import check_heaps

_MARK = b"pyrosnn sha-256:"
_SIZE = len(_MARK) + hashlib.sha256().digest_size

# Deflate packs at most 1,032 bytes into one, and HDF5 has blocks of its own: whole files pass.
FREE_BYTES, EXPANSION = 256 * 2**20, 1032

_FILTERS = {h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_FLETCHER32}
# attributes of netCDF-4 and HDF5 themselves
_OWN = {"CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST", "_NCProperties"}
_OWN |= {"_Netcdf4Coordinates", "_Netcdf4Dimid", "_nc3_strict"}
# how netCDF-4 names a dimension that has no coordinates
_NO_VALUES = b"This is a netCDF dimension but not a netCDF variable"


def to_bytes(tree: xr.DataTree) -> bytes:
    """Return the bytes of a netCDF file, with the checksum.

    Args:
        tree: attributes, and groups of arrays of numbers or texts.
    """
    encoding = {
        f"/{group}": {
            str(name): {
                "zlib": True,
                "complevel": 4,
                "shuffle": True,
                "fletcher32": True,  # programs that do not know the checksum check arrays
                # one chunk each: what repeats over strengths compresses only within a chunk
                "chunksizes": variable.shape if variable.nbytes < 2**30 else None,
            }
            for name, variable in node.dataset.variables.items()
            if variable.dtype.kind in "biuf"  # HDF5 filters no texts
        }
        for group, node in tree.children.items()
    }
    buffer = io.BytesIO()
    tree.to_netcdf(buffer, engine="h5netcdf", encoding=encoding)
    return with_checksum(buffer.getvalue())


def from_bytes(content: bytes) -> xr.DataTree:
    """Return the tree that :func:`to_bytes` was given, or that another program wrote.

    Args:
        content: the whole file.

    Raises:
        ValueError: for a damaged file, links to other files, other types than numbers and texts,
            or arrays that expand too much; with the reason.
    """
    content = without_checksum(content)
    try:
        check_heaps(content)
        with h5py.File(h5py.h5f.open_file_image(content)) as file:
            return _Reader(len(content)).tree(file)
    except MemoryError:
        raise  # the machine is too small, the file may be whole
    except Exception as error:  # h5py raises OSError, RuntimeError, KeyError … on damaged files
        raise ValueError(first_line(error)) from error


def with_checksum(content: bytes) -> bytes:
    """Return a file's bytes with the checksum behind them.

    Example:
        >>> len(with_checksum(b"values"))
        54
    """
    return content + _MARK + hashlib.sha256(content).digest()


def without_checksum(content: bytes) -> bytes:
    """Return a file's bytes without the checksum, if it has one.

    Raises:
        ValueError: if the bytes are others than those that the checksum was made of.

    Example:
        >>> without_checksum(with_checksum(b"values"))
        b'values'
        >>> without_checksum(with_checksum(b"values").replace(b"v", b"w"))
        Traceback (most recent call last):
        ValueError: its bytes are not those that its checksum was made of
    """
    end = len(content) - _SIZE
    if end < 0 or content[end : end + len(_MARK)] != _MARK:
        return content
    if hashlib.sha256(content[:end]).digest() != content[end + len(_MARK) :]:
        raise ValueError("its bytes are not those that its checksum was made of")
    return content[:end]


class _Reader:
    """Reads a file's tree, within the memory that its length allows.

    xarray would read it, too: in six times the time, and whatever it links to.

    Args:
        size: bytes of the file.
    """

    def __init__(self, size: int):
        self.size = size
        self.left = self.most = FREE_BYTES + EXPANSION * size

    def tree(self, file: h5py.File) -> xr.DataTree:
        groups = [(name, node) for name, node in _members(file) if isinstance(node, h5py.Group)]
        arrays = {f"/{name}": self._arrays(group) for name, group in groups}
        tree = xr.DataTree.from_dict({"/": xr.Dataset(), **arrays})
        tree.attrs = self._attributes(file)
        return tree

    def _arrays(self, group: h5py.Group) -> xr.Dataset:
        variables, members = {}, _members(group)
        names = {h5py.h5o.get_info(node.id).addr: name for name, node in members}
        for name, node in members:
            if not isinstance(node, h5py.Dataset):
                raise ValueError(f"{name} is a {type(node).__name__}, expected an array")
            if bytes(node.attrs.get("NAME", b"")).startswith(_NO_VALUES):
                continue
            dims = [name] if node.is_scale else _dims(node, names)
            variables[name] = xr.Variable(dims, self._values(node), self._attributes(node))
        encoded = xr.Dataset(variables, attrs=self._attributes(group))
        return xr.decode_cf(encoded, decode_times=False).load().drop_encoding()

    def _values(self, node: h5py.Dataset) -> np.ndarray:
        made = node.id.get_create_plist()
        if made.get_external_count() or made.get_layout() == h5py.h5d.VIRTUAL:
            raise ValueError(f"{node.name} has its values in another file")
        filters = {made.get_filter(place)[0] for place in range(made.get_nfilters())}
        if not filters <= _FILTERS:
            raise ValueError(f"{node.name} has the filters {filters}, expected among {_FILTERS}")
        number = max(math.prod(node.shape), math.prod(node.chunks or ()))
        if self._take(node.name, node.dtype, number):
            return np.asarray(node.asstr()[()]).astype(str)
        values = np.asarray(node[()])
        return values.astype(values.dtype.newbyteorder("="), copy=False)

    def _attributes(self, node: h5py.HLObject) -> dict[str, Any]:
        attrs = {}
        for name in node.attrs:
            if name not in _OWN:
                kind, shape = node.attrs.get_id(name).dtype, node.attrs.get_id(name).shape
                is_text = self._take(f"the attribute {name}", kind, math.prod(shape or ()))
                attrs[name] = _plain(node.attrs[name], is_text)
        return attrs

    def _take(self, name: str, kind: np.dtype, number: int) -> bool:
        """Count values before they are read; return whether they are texts.

        Many texts may lie in one place of the file: each counts as the whole of it.
        """
        is_text = h5py.check_string_dtype(kind) is not None
        if not is_text and kind.kind not in "iuf":
            raise ValueError(f"{name} has the type {kind}, expected numbers or texts")
        self.left -= number * (self.size if is_text else kind.itemsize)
        if self.left < 0:
            raise ValueError(
                f"with {name} its arrays take more than {self.most:,} bytes, and the file has "
                f"{self.size:,}"
            )
        return is_text


def _dims(node: h5py.Dataset, names: dict[int, str]) -> list[str]:
    """Return the dimensions of an array, which are named after the arrays of their coordinates.

    HDF5's own iteration over a dimension's scales does not end in some damaged files.
    """
    if not node.shape:
        return []
    if node.attrs.get_id("DIMENSION_LIST").shape != (len(node.shape),):
        raise ValueError(f"{node.name} has {len(node.shape)} dimensions, but names others")
    dims = []
    for references in node.attrs["DIMENSION_LIST"]:
        (reference,) = references
        target = h5py.h5r.dereference(reference, node.id)
        dims.append(names[h5py.h5o.get_info(target).addr])
    return dims


def _members(group: h5py.Group) -> list[tuple[str, Any]]:
    """Return what lies in a group; refuse links that may lead out of the file."""
    for name in group:
        if group.id.links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
            raise ValueError(f"{name} is a link to another place; a result has all in itself")
    return list(group.items())


def _plain(value: Any, is_text: bool) -> Any:
    """Return an attribute as netCDF means it: one value is no list."""
    if isinstance(value, h5py.Empty):
        return ""
    values = np.asarray(value, dtype=object if is_text else None).reshape(-1)
    if is_text:
        texts = [text.decode() if isinstance(text, bytes) else str(text) for text in values]
        return texts[0] if len(texts) == 1 else texts
    return values[0] if len(values) == 1 else values
