"""The file of an unfinished training, next to its future checkpoint; safetensors, never pickle."""

import json
from pathlib import Path
from typing import Any

import torch

from pyrosnn.data.dataset import Dataset
from pyrosnn.differences import differences
from pyrosnn.errors import FileError, first_line
from pyrosnn.storage import bundle, read_whole, write_whole
from pyrosnn.storage.kinds import TRAINING
from pyrosnn.training.checkpoints import as_arrays
from pyrosnn.training.spec import TrainingSpec
from pyrosnn.training.state import TrainingState

SCHEMA_VERSION = 1


def state_path(output: str | Path) -> Path:
    """Return the path of a training's state, given that of its future checkpoint.

    Example:
        >>> state_path("bnn-digits.safetensors").name
        'bnn-digits.training.safetensors'
    """
    path = Path(output)
    if not path.name:
        raise FileError(f"cannot write {path}: it is a directory; name a file in it")
    return path.with_name(f"{path.stem}.training{path.suffix}")


def save_state(
    path: str | Path, state: TrainingState, spec: TrainingSpec, dataset: Dataset
) -> None:
    """Write a training's state atomically, in place of the previous epoch's.

    Args:
        path: the file, see :func:`state_path`.
        state: what ``train`` gave its ``keep``.
        spec: settings of the training.
        dataset: its data set.

    Raises:
        FileError: if the file cannot be written.
    """
    header = {
        "schema_version": SCHEMA_VERSION,
        "epoch": state.epoch,
        **_identity(spec, dataset),
    }
    write_whole(path, bundle.to_bytes(TRAINING, as_arrays(state.tensors), header), overwrite=True)


def load_state(path: str | Path, spec: TrainingSpec, dataset: Dataset) -> TrainingState:
    """Read a state that :func:`save_state` wrote for the same settings and data.

    Args:
        path: the file.
        spec: settings of the training to resume.
        dataset: its data set.

    Raises:
        FileError: for a file that is missing, damaged or no state of a training, or that
            belongs to another training, naming what differs.
    """
    path = Path(path)
    try:
        arrays, header = bundle.from_bytes(TRAINING, read_whole(path, TRAINING))
    except ValueError as error:
        raise FileError(
            f"{path} is no readable state of a training ({first_line(error)}); "
            "start a new training (--overwrite)"
        ) from error
    if (version := header.get("schema_version")) != SCHEMA_VERSION:
        raise FileError(
            f"{path} has schema {version} of a training's state, this pyrosnn reads "
            f"{SCHEMA_VERSION}; resume with the pyrosnn that wrote it, "
            "or start a new training (--overwrite)"
        )
    asked = json.loads(json.dumps(_identity(spec, dataset)))
    kept = {name: header.get(name) for name in asked}
    differ = [
        f"{name.removeprefix('spec.')} is {there}, not {here}"
        for name, there, here in differences(kept, asked)
    ]
    if differ:
        raise FileError(
            f"{path} belongs to another training ({'; '.join(differ)}); use its settings, "
            "name another --output, or start a new training (--overwrite)"
        )
    tensors = {name: torch.from_numpy(value) for name, value in arrays.items()}
    return TrainingState(epoch=header["epoch"], tensors=tensors)


def _identity(spec: TrainingSpec, dataset: Dataset) -> dict[str, Any]:
    """Return the settings and data that a state belongs to."""
    return {"spec": spec.to_json(), "dataset": dataset.name, "dataset_digest": dataset.digest}
