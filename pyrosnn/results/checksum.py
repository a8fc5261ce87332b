"""A checksum of a whole file, in a few bytes behind its end that HDF5 does not look at.

HDF5 checks arrays at most: a flipped bit in a text or in a coordinate's name would pass. With the
SHA-256 of all bytes, a damaged file is told before anything in it is believed. It is no signature:
whoever changes a file on purpose can write another. A file that another program has rewritten
has none, and is read without.
"""

import hashlib

_MARK = b"pyrosnn sha-256:"
_SIZE = len(_MARK) + hashlib.sha256().digest_size


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
