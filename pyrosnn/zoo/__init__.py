"""Trained classifiers that come with pyrosnn: checkpoints, and their digests in ``zoo.toml``.

They are files in this folder, such as ``digits/bnn.safetensors``. ``reproduction/zoo.toml`` and
``reproduction/defences.toml`` train them, and ``python -m reproduction.zoo`` writes the digests.
"""

import hashlib
import tomllib
from functools import cache
from pathlib import Path

from pyrosnn.errors import FileError, row_of
from pyrosnn.storage import read_whole

PREFIX = "zoo:"
FOLDER = Path(__file__).parent


@cache
def zoo() -> dict[str, str]:
    """Return the SHA-256 of each trained classifier by name: data set, slash, model.

    Example:
        >>> "digits/bnn" in zoo()
        True
    """
    return tomllib.loads((FOLDER / "zoo.toml").read_text("utf-8"))


def zoo_file(name: str) -> Path:
    """Return the checkpoint of a name, with or without ``zoo:`` before it.

    Raises:
        UnknownNameError: ``unknown trained model 'digits/bn'; did you mean 'digits/bnn'? (…)``.
        FileError: for a file that is not the one that was published.
    """
    name = name.removeprefix(PREFIX)
    expected = row_of(zoo(), name, "trained model")
    path = FOLDER / f"{name}.safetensors"
    digest = hashlib.sha256(read_whole(path, "checkpoint")).hexdigest()
    if digest != expected:
        raise FileError(
            f"{path} has the digest {digest[:12]}, expected {expected[:12]}; install pyrosnn again"
        )
    return path
