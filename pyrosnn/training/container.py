"""The bytes of a checkpoint or a training's state: safetensors, with a digest of the header."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import safetensors.torch
from torch import Tensor

CHECKSUM = "header_digest"

# A header has some hundred characters for each tensor, and a thousand for the training.
MAX_INDEX = 2**22
MAX_HEADER = 2**16


class ForeignError(ValueError):
    """A safetensors file of another program, or of another kind."""


def to_bytes(key: str, state: Mapping[str, Tensor], header: Mapping[str, Any]) -> bytes:
    """Return a file of parameters, and of plain values in its header under one key.

    It is one key because safetensors writes several in any order, and the bytes are to repeat.
    """
    text = json.dumps({**header, CHECKSUM: _checksum(header)}, sort_keys=True)
    content: bytes = safetensors.torch.save(dict(state), {key: text})
    return content


def from_bytes(key: str, content: bytes) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the parameters and the header that :func:`to_bytes` was given.

    Args:
        key: the kind of file.
        content: the whole file. Tensors take as much memory as they take in it: safetensors
            refuses shapes that its bytes do not fill.

    Raises:
        ForeignError: if it is a safetensors file of another kind.
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
    if key not in metadata:
        raise ForeignError(f"it has no header {key}")
    text = metadata[key]
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
