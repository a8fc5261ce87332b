"""The kinds of file that pyrosnn writes, and how each begins."""

RESULT, CHECKPOINT = "result", "checkpoint"
TRAINING, CELL = "state of a training", "cell of a study"

# the name of the header in the files of each kind
HEADERS = {CHECKPOINT: "pyrosnn", TRAINING: "pyrosnn-training", CELL: "pyrosnn-cell"}


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
