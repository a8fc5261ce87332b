"""The files of a training that is resumed or replaced: what is there, and what may be written."""

from pathlib import Path

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import FileError
from pyrosnn.storage import check_writable
from pyrosnn.training.checkpoints import load_checkpoint
from pyrosnn.training.spec import TrainingSpec
from pyrosnn.training.state_file import state_path


def check_places(path: Path, *, resume: bool, overwrite: bool) -> bool:
    """Refuse a checkpoint that may not be written; return whether there is a state to resume.

    Args:
        path: the checkpoint-to-be.
        resume: resume an interrupted training, or start a new one.
        overwrite: replace existing files.

    Raises:
        FileError: naming the file and the next step.
    """
    state = state_path(path)
    if state.exists() and not resume and not overwrite:
        raise FileError(
            f"{state} holds an interrupted training; add --resume to continue it, or --overwrite "
            "to start a new one"
        )
    check_writable(path, overwrite=overwrite or resume)
    return state.exists() and resume


def is_trained(path: Path, spec: TrainingSpec, dataset: Dataset, *, replaceable: bool) -> bool:
    """Return whether these settings and data made a checkpoint.

    Args:
        path: the checkpoint.
        spec: settings of the training.
        dataset: its data set.
        replaceable: whether another checkpoint may be replaced.

    Raises:
        FileError, DataError: for another checkpoint that may not be replaced.
    """
    checkpoint = load_checkpoint(path)
    same = (checkpoint.spec, checkpoint.dataset_digest) == (spec, dataset.digest)
    if not same and not replaceable:
        checkpoint.require_dataset(dataset)
        raise FileError(
            f"{path} is a checkpoint of other settings, and no interrupted training is beside it; "
            "name another --output, or add --overwrite to replace it"
        )
    return same
