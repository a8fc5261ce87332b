"""`--model package.module:function`: a classifier of the user's own."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from pyrosnn.data.dataset import Dataset
    from pyrosnn.training import OwnModel

SEED = 0
CHECKED = 10  # images that are looked at for outputs that vary


def is_reference(model: Path) -> bool:
    """Return whether ``--model`` names a function; a file of that name is a checkpoint."""
    from pyrosnn.training.own_model import REFERENCE

    return REFERENCE.fullmatch(str(model)) is not None and not model.exists()


def open_own_model(reference: str, data: "Dataset", device: "torch.device") -> "OwnModel":
    """Make the classifier; what can be imported includes what is in the current folder.

    Args:
        reference: ``package.module:function``.
        data: the data set that it is studied on.
        device: where it is put.

    Raises:
        PyrosnnError: if it cannot be made, does not fit the data, or is not stochastic.
    """
    from pyrosnn.sampling import require_stochastic
    from pyrosnn.training import load_own_model

    folder = str(Path.cwd())
    if folder not in sys.path:  # an installed program does not look there
        sys.path.insert(0, folder)
    own = load_own_model(reference, data, device)
    require_stochastic(own.classifier, data.x_test[:CHECKED], seed=SEED)
    return own
