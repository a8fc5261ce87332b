"""The bytes of a checkpoint: safetensors, with its header's text guarded by a checksum."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import safetensors.torch
from torch import Tensor

# One key: safetensors writes several in any order, and the bytes of a checkpoint are to repeat.
HEADER_KEY, CHECKSUM = "pyrosnn", "header_digest"

# A header has some hundred characters for each tensor, and a thousand for the training.
MAX_INDEX = 2**22
MAX_HEADER = 2**16


class ForeignError(ValueError):
    """A safetensors file that is no checkpoint of pyrosnn."""


def to_bytes(state: Mapping[str, Tensor], header: Mapping[str, Any]) -> bytes:
    """Return the file of a checkpoint: its parameters, and a header of plain values."""
    text = json.dumps({**header, CHECKSUM: _checksum(header)}, sort_keys=True)
    content: bytes = safetensors.torch.save(dict(state), {HEADER_KEY: text})
    return content


def from_bytes(content: bytes) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the parameters and the header that :func:`to_bytes` was given.

    Args:
        content: the whole file. Tensors take as much memory as they take in it: safetensors
            refuses shapes that its bytes do not fill.

    Raises:
        ForeignError: if it is the safetensors file of another program.
        ValueError, SafetensorError: if it is damaged, naming what is wrong.
    """
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > min(MAX_INDEX, len(content) - 8):
        raise ValueError(f"its index would have {length:,} bytes")
    state: dict[str, Tensor] = safetensors.torch.load(content)
    try:
        metadata = json.loads(content[8 : 8 + length]).get("__metadata__", {})
    except RecursionError as error:
        raise ValueError("its index is nested too deep") from error
    if HEADER_KEY not in metadata:
        raise ForeignError
    text = metadata[HEADER_KEY]
    if len(text) > MAX_HEADER:
        raise ValueError(f"its header has {len(text):,} characters, at most {MAX_HEADER:,} may be")
    try:
        header = json.loads(text)
    except RecursionError as error:
        raise ValueError("its header is nested too deep") from error
    if not isinstance(header, dict):
        raise ValueError(f"its header is a {type(header).__name__}, expected values by name")
    # checkpoints written before there was a checksum have none
    checksum = header.pop(CHECKSUM, None)
    if checksum not in (None, _checksum(header)):
        raise ValueError("its header does not have the digest that it names")
    return state, header


def _checksum(header: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(header, sort_keys=True).encode()).hexdigest()
