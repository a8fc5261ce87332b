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
# and an array that has the name of a dimension, and is none of its coordinates
_NO_COORDINATES = "_nc4_non_coord_"
# of a text in an array: its length (4 bytes), and where it is
_REFERENCE = 16
_LETTER = 4  # bytes in memory
# Bytes of the arrays that are in a chunk, at least. HDF5 filters chunks alone, and has an index of
# them that takes more than a small array does: below, an array is not packed and has no fletcher32.
FILTERED_BYTES = 4000
# what other programs pack arrays with, by HDF5's numbers
_NAMES = {4: "szip", 6: "scale-offset", 307: "bzip2", 32000: "lzf", 32001: "blosc", 32015: "zstd"}


class ContentError(ValueError):
    """What a file holds and no result may; the file need not be damaged."""


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
            for name, variable in node.to_dataset(inherit=False).variables.items()
            # HDF5 filters no texts
            if variable.dtype.kind in "biuf" and variable.nbytes >= FILTERED_BYTES
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
        ContentError: for links to other files, other types than numbers and texts, or arrays that
            expand too much; with the reason.
        ValueError: for a damaged file, with the reason.
    """
    content = without_checksum(content)
    try:
        check_heaps(content)
        with h5py.File(h5py.h5f.open_file_image(content)) as file:
            return _Reader(content).tree(file)
    except (MemoryError, ContentError):
        raise  # MemoryError: the machine is too small, the file may be whole
    except Exception as error:  # h5py raises OSError, RuntimeError, KeyError … on damaged files
        raise ValueError(first_line(error)) from error


def with_checksum(content: bytes) -> bytes:
    """Return a file's bytes with the checksum behind them.

    Example:
        >>> len(with_checksum(b"values"))
        54
    """
    return content + _MARK + hashlib.sha256(content).digest()


def has_checksum(content: bytes) -> bool:
    """Whether a file ends with a checksum, right or wrong: then its end is there."""
    return content[-_SIZE:].startswith(_MARK)


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
    if not has_checksum(content):
        return content
    end = len(content) - _SIZE
    if hashlib.sha256(content[:end]).digest() != content[end + len(_MARK) :]:
        raise ValueError("its bytes are not those that its checksum was made of")
    return content[:end]


class _Reader:
    """Reads a file's tree, within the memory that its length allows.

    xarray would read it, too: in six times the time, and whatever it links to.

    Args:
        content: the file.
    """

    def __init__(self, content: bytes):
        self.content = content
        self.size = len(content)
        self.left = self.most = FREE_BYTES + EXPANSION * self.size
        self.names: dict[int, str] = {}  # of arrays, by their address

    def tree(self, file: h5py.File) -> xr.DataTree:
        members = _members(file)
        groups = [(name, node) for name, node in members if isinstance(node, h5py.Group)]
        root = self._arrays(file, [one for one in members if one not in groups])
        arrays = {f"/{name}": self._arrays(group, _members(group)) for name, group in groups}
        try:
            return xr.DataTree.from_dict({"/": root, **arrays})
        except ValueError as error:  # coordinates of the whole file that do not fit a group's
            raise ContentError(first_line(error)) from error

    def _arrays(self, group: h5py.Group, members: list[tuple[str, Any]]) -> xr.Dataset:
        variables = {}
        # a group's dimensions may be those of the whole file
        self.names |= {h5py.h5o.get_info(node.id).addr: name for name, node in members}
        for name, node in members:
            if not isinstance(node, h5py.Dataset):
                raise ContentError(f"{name} is a {type(node).__name__}, expected an array")
            if bytes(node.attrs.get("NAME", b"")).startswith(_NO_VALUES):
                continue
            dims = [name] if node.is_scale else _dims(node, self.names)
            values = self._values(node)
            if values.ndim != len(dims):
                raise ContentError(f"{name} has {values.ndim} dimensions, and the name of one")
            name = name.removeprefix(_NO_COORDINATES)
            variables[name] = xr.Variable(dims, values, self._attributes(node))
        attributes = self._attributes(group)
        try:
            encoded = xr.Dataset(variables, attrs=attributes)
            decoded = xr.decode_cf(encoded, decode_times=False).load().drop_encoding()
        except Exception as error:  # sizes that differ, attributes that encode nothing
            raise ContentError(first_line(error)) from error
        return decoded.assign(
            {name: _texts(array) for name, array in decoded.variables.items() if _is_text(array)}
        )

    def _values(self, node: h5py.Dataset) -> np.ndarray:
        made = node.id.get_create_plist()
        if made.get_external_count() or made.get_layout() == h5py.h5d.VIRTUAL:
            raise ContentError(f"{node.name} has its values in another file")
        filters = {made.get_filter(place)[0] for place in range(made.get_nfilters())}
        if not filters <= _FILTERS:
            packed = ", ".join(_NAMES.get(one, f"filter {one}") for one in filters - _FILTERS)
            raise ContentError(f"{node.name} is packed with {packed}, expected deflate (zlib)")
        number = max(math.prod(node.shape), math.prod(node.chunks or ()))
        is_text = _holds_texts(node.name, node.dtype)
        size = self._longest(node, filters) * _LETTER if is_text else node.dtype.itemsize
        self._count(node.name, number * size)
        if not is_text:
            values = np.asarray(node[()])
            return values.astype(values.dtype.newbyteorder("="), copy=False)
        if node.dtype == "S1":  # netCDF's characters, which xarray joins
            return np.asarray(node[()])
        return np.asarray(node.asstr()[()]).astype(str)

    def _longest(self, node: h5py.Dataset, filters: set[int]) -> int:
        """Return the bytes of the longest text of an array, which none of its others exceeds.

        Many texts may lie in one place of the file: where the references cannot be looked at,
        each counts as the whole of it.
        """
        if h5py.check_string_dtype(node.dtype).length is not None:
            return int(node.dtype.itemsize)
        if node.chunks is not None and not filters:
            chunks = [node.id.get_chunk_info(i) for i in range(node.id.get_num_chunks())]
            places = [(chunk.byte_offset, chunk.size // _REFERENCE) for chunk in chunks]
        elif node.chunks is None and node.id.get_offset() is not None:
            places = [(node.id.get_offset(), math.prod(node.shape))]
        else:
            return self.size
        longest = 0
        for place, number in places:
            references = np.frombuffer(self.content, "<u4", 4 * number, place)
            longest = max(longest, int(references[::4].max(initial=0)))
        return longest

    def _attributes(self, node: h5py.HLObject) -> dict[str, Any]:
        attrs = {}
        for name in node.attrs:
            if name in _OWN:
                continue
            kind, shape = node.attrs.get_id(name).dtype, node.attrs.get_id(name).shape
            is_text, what = _holds_texts(f"the attribute {name}", kind), f"the attribute {name}"
            size = math.prod(shape or ()) * (self.size if is_text else kind.itemsize)
            self._count(what, size, take=not is_text)
            attrs[name] = _plain(node.attrs[name], is_text)
            if is_text:  # now that they are known
                self._count(what, sum(map(len, np.ravel(attrs[name]))) * _LETTER)
        return attrs

    def _count(self, name: str, size: int, *, take: bool = True) -> None:
        """Refuse what would take more memory than is left.

        Args:
            name: what it is.
            size: its bytes, which it has at most.
            take: whether so much less is left then.
        """
        if size > self.left:
            raise ContentError(
                f"with {name} its arrays take more than {self.most:,} bytes, and the file has "
                f"{self.size:,}"
            )
        self.left -= size if take else 0


def _holds_texts(name: str, kind: np.dtype) -> bool:
    """Return whether values are texts; refuse what are neither texts nor numbers."""
    is_text = h5py.check_string_dtype(kind) is not None
    if not is_text and kind.kind not in "iuf":
        raise ContentError(f"{name} has the type {kind}, expected numbers or texts")
    return is_text


def _dims(node: h5py.Dataset, names: dict[int, str]) -> list[str]:
    """Return the dimensions of an array, which are named after the arrays of their coordinates.

    HDF5's own iteration over a dimension's scales does not end in some damaged files.
    """
    if not node.shape:
        return []
    if "DIMENSION_LIST" not in node.attrs:
        raise ContentError(f"{node.name} does not name its dimensions, as arrays of netCDF do")
    if node.attrs.get_id("DIMENSION_LIST").shape != (len(node.shape),):
        raise ContentError(f"{node.name} has {len(node.shape)} dimensions, but names others")
    dims = []
    for references in node.attrs["DIMENSION_LIST"]:
        if len(references) != 1:
            raise ContentError(f"{node.name} gives a dimension {len(references)} names")
        target = h5py.h5r.dereference(references[0], node.id)
        address = h5py.h5o.get_info(target).addr
        if address not in names:
            raise ContentError(f"{node.name} has a dimension of another group")
        dims.append(names[address])
    return dims


def _is_text(array: xr.Variable) -> bool:
    return array.dtype.kind in "SO"


def _texts(array: xr.Variable) -> xr.Variable:
    """Return characters that xarray has joined as texts."""
    texts = [one.decode() if isinstance(one, bytes) else str(one) for one in array.values.flat]
    values = np.asarray(texts, dtype=str).reshape(array.shape)
    return xr.Variable(array.dims, values, array.attrs)


def _members(group: h5py.Group) -> list[tuple[str, Any]]:
    """Return what lies in a group; refuse links that may lead out of the file."""
    for name in group:
        if group.id.links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
            raise ContentError(f"{name} is a link to another place; a result has all in itself")
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
