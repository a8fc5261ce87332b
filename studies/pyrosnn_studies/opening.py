"""Opening what a study works on: a checkpoint or a function of the user's own, and its data."""

import re
from pathlib import Path

import torch

from pyrosnn.adapters import OwnModel, load_own_model
from pyrosnn.data import DATASETS, OWN_DATA, is_own_data, load_dataset
from pyrosnn.data.dataset import Dataset
from pyrosnn.device import open_device
from pyrosnn.errors import ArgumentError, DataError, FileError, unknown_name
from pyrosnn.functions import REFERENCE
from pyrosnn.sampling import MEMORY_BUDGET, require_stochastic
from pyrosnn.settings import checked_arguments
from pyrosnn.training import Checkpoint, load_checkpoint
from pyrosnn.zoo import PREFIX
from pyrosnn_studies.subject import Subject

SEED = 0
OF_TORCH = (".pt", ".pth")  # what torch.save writes: no checkpoint of pyrosnn
CHECKED = 10  # images that are looked at for outputs that vary

# A file of Python, with a function in it or without.
SOURCE = re.compile(r"(?:.*/)?([^/:]+)\.py(?::(.*))?")


@checked_arguments
def open_subject(
    model: str | Path,
    dataset: str | None = None,
    *,
    data_root: Path | None = None,
    device: str | torch.device = "cpu",
    memory_budget: int = MEMORY_BUDGET,
) -> Subject:
    """Load a model and its data.

    Args:
        model: a checkpoint, ``zoo:`` and the name of a trained classifier that comes with pyrosnn,
            or ``package.module:function``; what can be imported includes what is in the current
            folder. A file of such a name is a checkpoint.
        dataset: the data, as :func:`~pyrosnn.data.load_dataset` takes them: those of the
            checkpoint, or by default digits for a function.
        data_root: folder of the data files.
        device: where the model is put.
        memory_budget: bytes that the evaluation of a block of images may take.

    Raises:
        PyrosnnError: if there is no such model, it cannot be read or made, it is not stochastic,
            or does not fit the data.
    """
    target = open_device(device)
    opened: Checkpoint | OwnModel
    of_zoo = str(model).startswith(PREFIX)
    if not of_zoo and REFERENCE.fullmatch(str(model)) is not None and not Path(model).exists():
        data = load_dataset(dataset or next(iter(DATASETS)), data_root)
        opened = load_own_model(str(model), data, target)
        require_stochastic(opened.classifier, data.x_test[:CHECKED], seed=SEED)
    else:
        opened = checkpoint = (load_checkpoint if of_zoo else _open_checkpoint)(Path(model), target)
        data = _data_of(checkpoint, dataset, data_root)
        checkpoint.require_dataset(data)
    return Subject(
        classifier=opened.classifier,
        dataset=data,
        training=opened.spec,
        memory_budget=memory_budget,
    )


def _data_of(checkpoint: Checkpoint, dataset: str | None, data_root: Path | None) -> Dataset:
    """Load the data that are asked for, or those of a checkpoint."""
    if dataset is None:
        dataset = checkpoint.dataset_source or checkpoint.dataset
        if dataset not in DATASETS and not is_own_data(dataset):
            raise DataError(
                f"the checkpoint was trained on {dataset}, which is no data set of pyrosnn "
                f"({', '.join(DATASETS)}); add --dataset {' or --dataset '.join(OWN_DATA)}"
            )
    elif dataset in DATASETS:
        checkpoint.require_name(dataset)  # before it is loaded
    elif not is_own_data(dataset):
        raise unknown_name("data set", dataset, [*DATASETS, *OWN_DATA])
    return load_dataset(dataset, data_root)


def _open_checkpoint(model: Path, device: torch.device) -> Checkpoint:
    """Load a checkpoint; say what a model may be where it is no file, or one of Python."""
    source = SOURCE.fullmatch(str(model))
    if source is not None:
        step = "the module's name has no .py" if source[2] else "name a function in it"
        name = f"{source[1]}:{source[2] or 'function'}"
        raise ArgumentError(f"{model} is not a checkpoint; {step}, as {name}")
    if not model.exists():
        if model.with_name(f"{model.name}.py").is_file():
            step = f"{model}.py is a module: name a function in it, as {model}:function"
        else:
            step = "train one with pyrosnn train, or name package.module:function"
        if model.suffix in OF_TORCH:
            step = (
                "for a network of your own, name package.module:function, which loads its weights"
            )
        raise FileError(f"there is no checkpoint {model}; {step}")
    if model.is_dir():
        raise FileError(
            f"{model} is a folder, expected a checkpoint; name one in it, or "
            "package.module:function"
        )
    return load_checkpoint(model, device)
