"""Files in the IDX form of MNIST and its successors: checked, bounded, never a pickle.

torchvision would read them too, but first a pickled ``processed/training.pt`` beside them, and any
number of bytes that a compressed file expands to.
"""

import hashlib
import io
import math
import zlib
from dataclasses import dataclass
from gzip import BadGzipFile, GzipFile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pyrosnn.errors import DataError, FileError, first_line
from pyrosnn.storage import read_whole

_UNSIGNED_BYTE = 8
_OVERHEAD = 2**16  # what gzip may add to bytes that it cannot compress


@dataclass(frozen=True, kw_only=True)
class IdxFile:
    """One array of a data set, with the expected content of its file.

    Attributes:
        name: name of the file, which may be compressed (``.gz``).
        shape: shape of the array, unsigned bytes.
        sha256: digest of the file, not compressed.
    """

    name: str
    shape: tuple[int, ...]
    sha256: str

    @property
    def header(self) -> bytes:
        """The first bytes of the file: a magic number, and the shape in big-endian words."""
        magic = bytes([0, 0, _UNSIGNED_BYTE, len(self.shape)])
        return magic + b"".join(size.to_bytes(4, "big") for size in self.shape)

    @property
    def num_bytes(self) -> int:
        """Length of the uncompressed file."""
        return len(self.header) + math.prod(self.shape)

    def is_in(self, folder: Path) -> bool:
        """Whether the folder has the file, compressed or not."""
        return any((folder / f"{self.name}{suffix}").exists() for suffix in ("", ".gz"))

    def read(self, folder: Path) -> Tensor:
        """Return the array, uint8, from the plain file if it exists, else from the compressed one.

        Args:
            folder: where the file is.

        Raises:
            DataError: if it is missing, or its bytes are not the original's.
        """
        path = folder / self.name
        try:
            if path.exists():
                content = read_whole(path, "data file", limit=self.num_bytes)
            else:
                packed = path.with_name(f"{self.name}.gz")
                content = self._inflated(
                    read_whole(packed, "data file", limit=self.num_bytes + _OVERHEAD)
                )
        except (FileError, BadGzipFile, EOFError, zlib.error) as error:
            raise DataError(first_line(error)) from error
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise DataError(
                f"{path} has {len(content):,} bytes that are not the original's "
                f"({self.num_bytes:,} bytes, SHA-256 {self.sha256[:12]}…); copy it again"
            )
        values = np.frombuffer(content, np.uint8, offset=len(self.header))
        return torch.from_numpy(values.reshape(self.shape).copy())

    def _inflated(self, packed: bytes) -> bytes:
        """Return the bytes of a compressed file, at most one more than allowed."""
        with GzipFile(fileobj=io.BytesIO(packed)) as file:
            return file.read(self.num_bytes + 1)
