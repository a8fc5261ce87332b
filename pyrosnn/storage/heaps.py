"""The heaps of an HDF5 file, where its texts lie: HDF5 walks damaged ones for ever."""

_SIGNATURE = b"GCOL\x01"
_HEADER = 16  # of a collection, and of an object in it


def check_heaps(content: bytes) -> None:
    """Refuse a heap whose objects do not lead from its beginning to its end.

    The free space at the end of a heap says its own length. Where that is 0, HDF5 (2.0.0 and
    before) does not come further, and does not return.

    Args:
        content: the whole file.

    Raises:
        ValueError: naming the place.
    """
    at = content.find(_SIGNATURE)
    while at >= 0:
        end = at + _number(content, at + 8, 8)
        place = at + _HEADER
        while end <= len(content) and end - place >= _HEADER:
            index, size = _number(content, place, 2), _number(content, place + 8, 8)
            length = size if index == 0 else _HEADER + -(-size // 8) * 8
            if length < _HEADER or length > end - place:
                raise ValueError(f"the heap of its texts is damaged at byte {place}")
            place += length
        at = content.find(_SIGNATURE, at + 1)


def _number(content: bytes, at: int, size: int) -> int:
    return int.from_bytes(content[at : at + size], "little")
