"""Real images, whole in memory: one file and one line in ``DATASETS`` for each data set."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pyrosnn.errors import resolve
from pyrosnn.settings import checked_arguments

if TYPE_CHECKING:
    from pyrosnn.data.dataset import Dataset

DATASETS = {
    "digits": "pyrosnn.data.digits:load",
    "fashion-mnist": "pyrosnn.data.fashion_mnist:load",
    "cifar10": "pyrosnn.data.cifar:load_cifar10",
    "cifar100": "pyrosnn.data.cifar:load_cifar100",
}

DATA_ROOT_VARIABLE = "PYROSNN_DATA"


def default_data_root() -> Path:
    """Return ``$PYROSNN_DATA``, or ``~/.cache/pyrosnn`` where it is not set."""
    return Path(os.environ.get(DATA_ROOT_VARIABLE) or Path.home() / ".cache" / "pyrosnn")


@checked_arguments
def load_dataset(name: str = "digits", root: str | Path | None = None) -> "Dataset":
    """Load a data set by its name in ``DATASETS``.

    Args:
        name: ``digits`` (comes with scikit-learn, no download), ``fashion-mnist``, ``cifar10`` or
            ``cifar100``.
        root: folder of the files; by default :func:`default_data_root`.

    Raises:
        UnknownNameError: ``unknown data set 'digit'; did you mean 'digits'? (…)``.
        DataError: if the files are missing and cannot be downloaded, or are damaged.

    Example:
        >>> load_dataset("digits")
        Dataset('digits', train=1297, test=500, image_shape=(1, 8, 8), num_classes=10)
    """
    load = resolve(DATASETS, name, "data set")
    dataset: Dataset = load(Path(root) if root is not None else default_data_root())
    return dataset
