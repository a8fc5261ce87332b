"""The file of an unfinished training, beside its checkpoint-to-be; safetensors, never pickle."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from torch import Tensor

from pyrosnn.data.dataset import Dataset
from pyrosnn.differences import differences
from pyrosnn.errors import FileError, first_line
from pyrosnn.files import atomic_path, read_whole
from pyrosnn.training.container import from_bytes, to_bytes
from pyrosnn.training.spec import TrainingSpec
from pyrosnn.training.state import TrainingState

SCHEMA_VERSION = 1
HEADER_KEY = "pyrosnn-training"


def state_path(output: str | Path) -> Path:
    """Return where the state of a training is kept, given its checkpoint-to-be.

    Example:
        >>> state_path("bnn-digits.safetensors").name
        'bnn-digits.training.safetensors'
    """
    path = Path(output)
    return path.with_name(f"{path.stem}.training{path.suffix}")


def save_state(
    path: str | Path, state: TrainingState, spec: TrainingSpec, dataset: Dataset
) -> None:
    """Write a training's state, whole or not at all; replaces that of the epoch before.

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
        "digest": _digest(state.tensors),
        **_identity(spec, dataset),
    }
    content = to_bytes(HEADER_KEY, state.tensors, header)
    with atomic_path(Path(path), overwrite=True) as temporary:
        temporary.write_bytes(content)


def load_state(path: str | Path, spec: TrainingSpec, dataset: Dataset) -> TrainingState:
    """Read what :func:`save_state` wrote, for the same settings and data.

    Args:
        path: the file.
        spec: settings of the training that is to go on.
        dataset: its data set.

    Raises:
        FileError: for a file that is missing, damaged or no state of a training, or that
            belongs to another training, naming what differs.
    """
    path = Path(path)
    content = read_whole(path, "state of a training")
    try:
        tensors, header = from_bytes(HEADER_KEY, content)
        found = header["schema_version"]
        if found == SCHEMA_VERSION:
            kept = {name: header[name] for name in ("spec", "dataset", "dataset_digest")}
            epoch, whole = int(header["epoch"]), header["digest"] == _digest(tensors)
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(path, first_line(error)) from error
    if found != SCHEMA_VERSION:
        raise FileError(
            f"{path} has schema {found} of a training's state, this pyrosnn reads "
            f"{SCHEMA_VERSION}; go on with the pyrosnn that wrote it, or train anew (--overwrite)"
        )
    asked = json.loads(json.dumps(_identity(spec, dataset)))
    differ = [
        f"{name.removeprefix('spec.')} is {there}, not {here}"
        for name, there, here in differences(kept, asked)
    ]
    if differ:
        raise FileError(
            f"{path} belongs to another training ({'; '.join(differ)}); use its settings, "
            "name another --output, or train anew (--overwrite)"
        )
    if not whole or not 1 <= epoch <= spec.epochs:
        raise _damaged(path, "its values do not have the digest that its header names")
    return TrainingState(epoch=epoch, tensors=tensors)


def _identity(spec: TrainingSpec, dataset: Dataset) -> dict[str, Any]:
    """Return what a state belongs to."""
    return {"spec": spec.to_json(), "dataset": dataset.name, "dataset_digest": dataset.digest}


def _digest(tensors: Mapping[str, Tensor]) -> str:
    sha = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        sha.update(name.encode())
        sha.update(value.numpy().tobytes())
    return sha.hexdigest()


def _damaged(path: Path, reason: str) -> FileError:
    return FileError(
        f"{path} is no readable state of a training ({reason}); train anew (--overwrite)"
    )
