"""The data set of a result, where it can be opened without running or downloading anything."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Union

from xarray import DataTree

from pyrosnn.data import default_data_root, load_dataset
from pyrosnn.errors import PyrosnnError
from pyrosnn.results import read_provenance

if TYPE_CHECKING:
    from pyrosnn.data.dataset import Dataset

# Gives a data set, or a sentence that says why there is none.
FindDataset = Callable[[], Union["Dataset", str]]

# Where the files of a data set lie below the data folder; digits come with scikit-learn.
FOLDERS = {
    "digits": (".",),
    "fashion-mnist": ("FashionMNIST/raw",),
    "cifar10": ("cifar-10-batches-bin", "cifar-10-batches-py"),
    "cifar100": ("cifar-100-binary", "cifar-100-python"),
}


def dataset_of(
    result: DataTree, asked: "Dataset | str | None" = None, root: Path | None = None
) -> "Dataset | str":
    """Return the data set of a result, or a sentence that says why it is not shown.

    A result may come from anywhere: a function that it names is not called, and no data set is
    downloaded, unless the user asks for it.

    Args:
        result: a result.
        asked: the data set, or what the user names, as :func:`~pyrosnn.data.load_dataset` takes it.
        root: folder of the data files; None for the default.
    """
    provenance = read_provenance(result)
    if asked is not None and not isinstance(asked, str):
        return asked
    name = asked or provenance.get("dataset_source") or provenance.get("dataset")
    if name is None:
        return "The file does not say which data set it is about; name it with --dataset."
    if asked is None and not _is_here(str(name), root):
        return f"The images of {name} are not opened by themselves; add --dataset {name}."
    try:
        dataset = load_dataset(str(name), root)
    except PyrosnnError as error:
        return f"The images of {name} cannot be opened: {error}."
    except ModuleNotFoundError as error:  # pyrosnn installed to read results alone
        return f"The images of {name} are not shown: {error.name} is not installed."
    digest = provenance.get("dataset_digest")
    if digest is not None and dataset.digest != digest:
        return f"The images of {name} are not those of the result: their digests differ."
    return dataset


def _is_here(name: str, root: Path | None) -> bool:
    """Whether a data set can be opened from files, without a download."""
    if name.endswith(".npz"):
        return Path(name).is_file()
    folder = root or default_data_root()
    return name == "digits" or any((folder / below).is_dir() for below in FOLDERS.get(name, ()))
