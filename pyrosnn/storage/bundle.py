"""Arrays and plain values in one file: safetensors, with a JSON header and one checksum of both."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from pyrosnn.storage.kinds import HEADERS, kind_of

CHECKSUM = "checksum"
# The index has the header, and some hundred characters for each array. Read, JSON takes 20 times
# the memory of its text.
MAX_INDEX = 2**22

Arrays = Mapping[str, np.ndarray]


class ForeignError(ValueError):
    """A file of another kind; the text says which: ``a result``."""


def to_bytes(kind: str, arrays: Arrays, header: Mapping[str, Any]) -> bytes:
    """Return the bytes of a file; the same values give the same bytes.

    Args:
        kind: the kind of file, a name in ``kinds.HEADERS``.
        arrays: contiguous arrays of numbers by name.
        header: plain values by name.
    """
    # one text under one name: safetensors writes several names in any order
    text = json.dumps({**header, CHECKSUM: _checksum(header, arrays)}, sort_keys=True)
    return bytes(safetensors.numpy.save(dict(arrays), {HEADERS[kind]: text}))


def may_be(content: bytes) -> bool:
    """Whether a file begins as one of this format does, whole or damaged: a length, and JSON.

    Example:
        >>> may_be(b"@" + bytes(7) + b"{"), may_be(b"hello, you")
        (True, False)
    """
    return content[8:9] == b"{" or b"__metadata__" in content[:64]


def from_bytes(kind: str, content: bytes) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the arrays and the header that :func:`to_bytes` was given.

    Args:
        kind: the kind of file.
        content: the whole file. The arrays take as much memory as they take in it: safetensors
            refuses shapes that its bytes do not fill.

    Raises:
        ForeignError: for a file of another kind.
        ValueError: for a damaged file, with the reason.
    """
    if (other := kind_of(content)) not in (None, kind):
        raise ForeignError(f"a {other}")
    length = int.from_bytes(content[:8], "little")
    if length > MAX_INDEX:
        raise ValueError(f"its index would have {length:,} bytes")
    try:
        arrays = safetensors.numpy.load(content)
        metadata = json.loads(content[8 : 8 + length]).get("__metadata__") or {}
        if HEADERS[kind] not in metadata:
            raise ForeignError("a safetensors file of another program")
        header = json.loads(metadata[HEADERS[kind]])
    except (SafetensorError, KeyError, RecursionError) as error:  # KeyError: a type of numbers
        raise ValueError(str(error)) from error
    if not isinstance(header, dict):
        raise ValueError(f"its header is a {type(header).__name__}, expected values by name")
    if CHECKSUM in header:
        is_whole = header.pop(CHECKSUM) == _checksum(header, arrays)
    else:
        is_whole = _is_whole_old(header, arrays)
    if not is_whole:
        raise ValueError("its values are not those that its checksum was made of")
    return arrays, header


def values_digest(arrays: Arrays) -> str:
    """Return the SHA-256 of names and values: a model's identity in results."""
    sha = hashlib.sha256()
    for name, value in sorted(arrays.items()):
        sha.update(name.encode())
        sha.update(value.tobytes())
    return sha.hexdigest()


def _checksum(header: Mapping[str, Any], arrays: Arrays) -> str:
    types = {name: (value.dtype.name, value.shape) for name, value in arrays.items()}
    return _text_digest([header, types, values_digest(arrays)])


def _is_whole_old(header: dict[str, Any], arrays: Arrays) -> bool:
    """Check a file that has a digest of its values, and another of its header or none.

    Newer files have no such digests: one whose checksum's name is damaged does not pass as old.
    """
    of_header = header.pop("header_digest", None)
    of_values = header.get("model_digest", header.get("digest"))
    return of_values == values_digest(arrays) and of_header in (None, _text_digest(header))


def _text_digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
