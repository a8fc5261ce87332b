"""How much an array of a result may take, known before it is read."""

import math
import zlib
from typing import Any

import h5py

# A result of pyrosnn expands at most 16 times when it is read (compact files of the reproduction);
# small ones may be all zeros. Deflate alone expands up to 1,032 times. ``save_results`` keeps
# within this bound: what would compress better is written uncompressed.
FREE_BYTES, EXPANSION = 256 * 2**20, 100

MAX_RANK = 12
MAX_CHUNKS = 2**16
# HDF5's filters in the order that they are written: shuffle, deflate, fletcher32
_FILTERS = (h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_FLETCHER32)
_DEFLATE_MOST = 1032
_CHECKSUM_BYTES = 4


class Refused(ValueError):
    """Something in a file that no result of pyrosnn holds."""


def allowed_bytes(file_bytes: int) -> int:
    """Return how much a result in a file of this size may take in memory.

    Example:
        >>> allowed_bytes(10_000) // 2**20
        256
    """
    return FREE_BYTES + EXPANSION * file_bytes


class Budget:
    """What is left of the memory that a file may take.

    Attributes:
        numbers: bytes left for arrays.
        text: characters left for texts, which are stored as they are.
    """

    def __init__(self, file_bytes: int) -> None:
        self.file_bytes = file_bytes
        self.numbers = allowed_bytes(file_bytes)
        self.text = file_bytes

    def take_numbers(self, name: str, size: int) -> None:
        """Count an array; refuse what is more than the file can honestly hold."""
        self.numbers -= size
        if self.numbers < 0:
            raise Refused(
                f"with {name} its arrays take more than {allowed_bytes(self.file_bytes):,} bytes, "
                f"and the file has {self.file_bytes:,}"
            )

    def take_text(self, size: int) -> None:
        """Count a text; refuse one place of the file that is read again and again."""
        self.text -= size
        if self.text < 0:
            raise Refused("its texts are longer than the file")


def check_storage(node: h5py.Dataset, itemsize: int, content: bytes, budget: Budget) -> None:
    """Refuse an array that lies in another file, is not all there, or expands too much.

    Args:
        node: the array.
        itemsize: bytes of a value.
        content: the file.
        budget: what is left of its memory.

    Raises:
        Refused: saying which and why.
    """
    name, shape = node.name, node.shape
    if shape is None or len(shape) > MAX_RANK:
        raise Refused(f"{name} has the shape {shape}")
    made = node.id.get_create_plist()
    if made.get_external_count() or made.get_layout() == h5py.h5d.VIRTUAL:
        raise Refused(f"{name} has its values in another file")
    filters = [made.get_filter(place)[0] for place in range(made.get_nfilters())]
    if filters != [known for known in _FILTERS if known in filters]:
        raise Refused(f"{name} has the filters {filters}, expected shuffle, deflate, fletcher32")
    size = math.prod(shape) * itemsize
    part = made.get_chunk() if made.get_layout() == h5py.h5d.CHUNKED else shape
    chunk_size = math.prod(part) * itemsize
    budget.take_numbers(name, max(size, chunk_size))
    if made.get_layout() != h5py.h5d.CHUNKED:
        if node.id.get_storage_size() < size:
            raise Refused(f"{name} has no values in the file")
        return
    number = math.prod(-(-all_ // one) for all_, one in zip(shape, part, strict=True))
    if number > MAX_CHUNKS or number != node.id.get_num_chunks():
        raise Refused(f"{name} has {number} chunks, not all of them in the file")
    if h5py.h5z.FILTER_DEFLATE in filters:
        skipped = 1 << filters.index(h5py.h5z.FILTER_DEFLATE)
        for place in range(number):
            chunk = node.id.get_chunk_info(place)
            if not chunk.filter_mask & skipped:
                _check_chunk(node, chunk, chunk_size, content)


def _check_chunk(node: h5py.Dataset, stored: Any, chunk_size: int, content: bytes) -> None:
    """Refuse a chunk that inflates to more than it declares: HDF5 would follow it."""
    most = chunk_size + _CHECKSUM_BYTES
    if stored.size * _DEFLATE_MOST <= max(most, FREE_BYTES // 16):
        return  # too short to do harm
    raw = content[stored.byte_offset : stored.byte_offset + stored.size]
    if len(zlib.decompressobj().decompress(raw, most + 1)) > most:
        raise Refused(f"a chunk of {node.name} inflates to more than it declares")
