"""`--model package.module:function`: a classifier of the user's own."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pyrosnn.errors import ArgumentError, FileError

if TYPE_CHECKING:
    import torch

    from pyrosnn.adapters import OwnModel
    from pyrosnn.data.dataset import Dataset
    from pyrosnn.training import Checkpoint

SEED = 0
CHECKED = 10  # images that are looked at for outputs that vary


def is_reference(model: Path) -> bool:
    """Return whether ``--model`` names a function; a file of that name is a checkpoint."""
    from pyrosnn.adapters.own_model import REFERENCE

    return REFERENCE.fullmatch(str(model)) is not None and not model.exists()


# A file of Python, with a function in it or without.
SOURCE = re.compile(r"(?:.*/)?([^/:]+)\.py(?::(.*))?")


def open_checkpoint(model: Path, device: "torch.device") -> "Checkpoint":
    """Load what ``--model`` names; say what it may be where it is no file, or one of Python.

    Raises:
        PyrosnnError: if there is no such checkpoint, or it cannot be read.
    """
    from pyrosnn.training import load_checkpoint

    source = SOURCE.fullmatch(str(model))
    if source is not None:
        step = "the module's name has no .py" if source[2] else "name a function in it"
        name = f"{source[1]}:{source[2] or 'function'}"
        raise ArgumentError(f"{model} is not a checkpoint; {step}, as {name}")
    if not model.exists():
        raise FileError(
            f"there is no checkpoint {model}; train one with pyrosnn train, or name "
            "package.module:function"
        )
    if model.is_dir():
        raise FileError(
            f"{model} is a folder, expected a checkpoint; name one in it, or "
            "package.module:function"
        )
    return load_checkpoint(model, device)


def open_own_model(reference: str, data: "Dataset", device: "torch.device") -> "OwnModel":
    """Make the classifier; what can be imported includes what is in the current folder.

    Args:
        reference: ``package.module:function``.
        data: the data set that it is studied on.
        device: where it is put.

    Raises:
        PyrosnnError: if it cannot be made, does not fit the data, or is not stochastic.
    """
    from pyrosnn.adapters import load_own_model
    from pyrosnn.sampling import require_stochastic

    folder = str(Path.cwd())
    if folder not in sys.path:  # an installed program does not look there
        sys.path.insert(0, folder)
    own = load_own_model(reference, data, device)
    require_stochastic(own.classifier, data.x_test[:CHECKED], seed=SEED)
    return own
