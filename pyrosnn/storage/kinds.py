"""The kinds of file that pyrosnn writes, and how each begins."""

RESULT, CHECKPOINT = "result", "checkpoint"
TRAINING, CELL = "state of a training", "cell of a study"

# the name of the header in the files of each kind
HEADERS = {CHECKPOINT: "pyrosnn", TRAINING: "pyrosnn-training", CELL: "pyrosnn-cell"}


# files of other programs, by how they begin
FOREIGN = {
    b"": "an empty file",
    b"CDF": "a netCDF-3 file",
    b"PK": "a file of torch.save, or another zip archive",
    b"\x80": "a pickle, as of an older torch.save",
    b"\x93NUMPY": "an array of numpy.save",
    b"\x89PNG": "a picture",
    b"%PDF": "a PDF",
    b"<!": "a web page",
}


def foreign_kind_of(content: bytes) -> str | None:
    r"""Return what a file of another program is, or None where that is not known.

    Args:
        content: the whole file, or its first bytes.

    Example:
        >>> foreign_kind_of(b"CDF\x01"), foreign_kind_of(b"hello")
        ('a netCDF-3 file', None)
    """
    for start, kind in FOREIGN.items():
        if content.startswith(start) if start else not content:
            return kind
    return None


def kind_of(content: bytes) -> str | None:
    """Return the kind of a file, or None for a file of another program.

    Args:
        content: the whole file, or its first hundred bytes.

    Example:
        >>> kind_of(b"@" + bytes(7) + b'{"__metadata__":{"pyrosnn":"{}"}}')
        'checkpoint'
    """
    if content.startswith(b"\x89HDF\r\n\x1a\n"):
        return RESULT
    for kind, header in HEADERS.items():
        if content.startswith(f'{{"__metadata__":{{"{header}":'.encode(), 8):
            return kind
    return None
