"""Real images, whole in memory: one file and one line in ``DATASETS`` for each data set."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from pyrosnn.errors import resolve, unknown_name
from pyrosnn.functions import OWN_FUNCTION, REFERENCE
from pyrosnn.settings import checked_arguments

if TYPE_CHECKING:
    from pyrosnn.data.dataset import Dataset

DATASETS = {
    "digits": "pyrosnn.data.digits:load",
    "fashion-mnist": "pyrosnn.data.fashion_mnist:load",
    "cifar10": "pyrosnn.data.cifar:load_cifar10",
    "cifar100": "pyrosnn.data.cifar:load_cifar100",
}

# What a data set of the user's own may be named by, and how each is told from a name.
OWN_DATA = {
    **OWN_FUNCTION,
    "FILE.npz": r".+\.npz",
    "FOLDER": r".*[/\\].*|\.{1,2}",  # one of a plain name is told by its being there
}

DATA_ROOT_VARIABLE = "PYROSNN_DATA"


def default_data_root() -> Path:
    """Return ``$PYROSNN_DATA``, or ``~/.cache/pyrosnn`` where it is not set."""
    given = os.environ.get(DATA_ROOT_VARIABLE)
    # a user without a home keeps the sign: digits need no folder, and other data name it
    return Path(given) if given else Path(os.path.expanduser("~")) / ".cache" / "pyrosnn"


def is_own_data(name: str) -> bool:
    """Whether a data set is named by a function, a file or a folder of the user's own.

    Example:
        >>> names = ("digits", "mine:photos", "a/b.npz", "b.npy", "photos/")
        >>> [name for name in names if is_own_data(name)]
        ['mine:photos', 'a/b.npz', 'photos/']
    """
    own = any(re.fullmatch(pattern, name) for pattern in OWN_DATA.values())
    return own or (name not in DATASETS and Path(name).is_dir())


def short_name(name: str) -> str:
    """Return a data set's name as a part of a file's name.

    Example:
        >>> [short_name(name) for name in ("digits", "mine:photos", "data/b.npz", "my/photos/")]
        ['digits', 'photos', 'b', 'photos']
    """
    if not is_own_data(name):
        return name
    if REFERENCE.fullmatch(name):
        return name.rpartition(":")[2]
    path = Path(name).resolve()  # "." has a name, too
    return path.stem if path.suffix == ".npz" else path.name


@checked_arguments
def load_dataset(name: str | Path = "digits", root: str | Path | None = None) -> "Dataset":
    """Load a data set by its name in ``DATASETS``, or one of your own.

    Args:
        name: ``digits`` (comes with scikit-learn, no download), ``fashion-mnist``, ``cifar10`` or
            ``cifar100``; ``package.module:function`` for a function that returns a
            :class:`Dataset`; a file ``.npz`` (:func:`pyrosnn.data.npz.load`); or a folder of
            images by class (:func:`pyrosnn.data.folder.load`).
        root: folder of the files of a data set in ``DATASETS``; by default
            :func:`default_data_root`.

    Raises:
        UnknownNameError: ``unknown data set 'digit'; did you mean 'digits'? (…)``.
        ArgumentError: for a function that is not there, raises, or returns something else.
        DataError: if the files are missing and cannot be downloaded, or are damaged; for images
            or labels that no classifier could take.

    Example:
        >>> load_dataset("digits")
        Dataset('digits', train=1297, test=500, image_shape=(1, 8, 8), num_classes=10)
    """
    name = str(name)
    if name in DATASETS:
        load = resolve(DATASETS, name, "data set")
        dataset: Dataset = load(Path(root) if root is not None else default_data_root())
        return dataset
    if not is_own_data(name):
        raise unknown_name("data set", name, [*DATASETS, *OWN_DATA])
    if name.endswith(".npz"):
        from pyrosnn.data import npz

        return npz.load(name)
    if REFERENCE.fullmatch(name):
        from pyrosnn.data import own

        return own.load(name)
    from pyrosnn.data import folder

    return folder.load(name)
