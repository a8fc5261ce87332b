"""Opening what a study works on: a checkpoint or a function of the user's own, and its data."""

import re
import sys
from pathlib import Path

import torch

from pyrosnn.adapters import OwnModel, load_own_model
from pyrosnn.adapters.own_model import REFERENCE
from pyrosnn.data import DATASETS, load_dataset
from pyrosnn.errors import ArgumentError, FileError, row_of
from pyrosnn.sampling import MEMORY_BUDGET, require_stochastic
from pyrosnn.training import Checkpoint, load_checkpoint
from pyrosnn_studies.subject import Subject

SEED = 0
CHECKED = 10  # images that are looked at for outputs that vary

# A file of Python, with a function in it or without.
SOURCE = re.compile(r"(?:.*/)?([^/:]+)\.py(?::(.*))?")


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
        model: a checkpoint, or ``package.module:function``; what can be imported includes what is
            in the current folder. A file of such a name is a checkpoint.
        dataset: name of the data set: that of the checkpoint, or by default digits for a function.
        data_root: folder of the data files.
        device: where the model is put.
        memory_budget: bytes that the evaluation of a block of images may take.

    Raises:
        PyrosnnError: if there is no such model, it cannot be read or made, it is not stochastic,
            or does not fit the data.
    """
    target = torch.device(device)
    opened: Checkpoint | OwnModel
    if REFERENCE.fullmatch(str(model)) is not None and not Path(model).exists():
        data = load_dataset(dataset or next(iter(DATASETS)), data_root)
        folder = str(Path.cwd())
        if folder not in sys.path:  # an installed program does not look there
            sys.path.insert(0, folder)
        opened = load_own_model(str(model), data, target)
        require_stochastic(opened.classifier, data.x_test[:CHECKED], seed=SEED)
    else:
        opened = checkpoint = _open_checkpoint(Path(model), target)
        if dataset is not None:
            row_of(DATASETS, dataset, "data set")
        checkpoint.require_name(dataset or checkpoint.dataset)
        data = load_dataset(checkpoint.dataset, data_root)
        checkpoint.require_dataset(data)
    return Subject(
        classifier=opened.classifier,
        dataset=data,
        training=opened.spec,
        memory_budget=memory_budget,
    )


def _open_checkpoint(model: Path, device: torch.device) -> Checkpoint:
    """Load a checkpoint; say what a model may be where it is no file, or one of Python."""
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
