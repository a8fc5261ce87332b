"""Checkpoints: parameters in safetensors, everything else in its JSON header; never pickle."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pyrosnn.data import DATASETS, OWN_DATA
from pyrosnn.data.dataset import Dataset
from pyrosnn.device import open_device
from pyrosnn.errors import DataError, FileError, first_line, require
from pyrosnn.models import build_model
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.seeding import forked_rng, seed_sequence
from pyrosnn.settings import RightlyCalled, checked_arguments
from pyrosnn.storage import bundle, read_whole, write_whole
from pyrosnn.storage.kinds import CHECKPOINT, foreign_kind_of
from pyrosnn.training.outline import check_outline
from pyrosnn.training.spec import TrainingSpec
from pyrosnn.zoo import PREFIX, zoo_file

SCHEMA_VERSION = 1
PACKAGES = ("pyrosnn", "torch", "pyro-ppl", "numpy", "xarray", "h5netcdf")

OWN_MODEL = (
    "expected what pyrosnn train wrote; for a network of your own, name "
    "package.module:function, which loads its weights and returns it as a classifier"
)


@dataclass(frozen=True, kw_only=True)
class Checkpoint(metaclass=RightlyCalled):
    """A trained classifier and its provenance.

    Attributes:
        classifier: the classifier, in evaluation mode.
        spec: the training settings.
        dataset: name of the data set that it was trained on.
        dataset_digest: SHA-256 of that data set.
        dataset_source: the function or file that it was loaded from, if it is none of
            ``DATASETS``; empty where that is not known.
        test_accuracy: share of test images classified correctly after training, if measured.
        versions: versions of the packages that made it.
    """

    classifier: StochasticClassifier
    spec: TrainingSpec
    dataset: str
    dataset_digest: str
    test_accuracy: float | None
    versions: Mapping[str, str]
    dataset_source: str = ""

    def require_name(self, name: str) -> None:
        """Refuse a data set of another name, before it is loaded.

        Raises:
            DataError: naming both data sets.
        """
        if name != self.dataset:
            own = self.dataset_source or " or ".join(OWN_DATA)
            data = self.dataset if self.dataset in DATASETS else own
            raise DataError(
                f"the checkpoint was trained on {self.dataset}, not on {name}; "
                f"use --dataset {data}, or train a model on {name}"
            )

    def require_dataset(self, dataset: Dataset) -> None:
        """Refuse a data set other than the one of the training; one of your own may have any name.

        Raises:
            DataError: naming both data sets.
        """
        if not dataset.source:
            self.require_name(dataset.name)
        if dataset.digest == self.dataset_digest:
            return
        self.require_name(dataset.name)
        step = "name its folder with --data-root"
        if dataset.name not in DATASETS or dataset.source:
            step = f"give the same images and labels with --dataset ({' or '.join(OWN_DATA)})"
        raise DataError(
            f"this {dataset.name} (digest {dataset.digest[:12]}) is not the one that the "
            f"checkpoint was trained on (digest {self.dataset_digest[:12]}); {step}"
        )


def package_versions() -> dict[str, str]:
    """Return the versions of the packages that affect a result or its file."""
    return {name: version(name) for name in PACKAGES}


def model_digest(classifier: StochasticClassifier) -> str:
    """Return the SHA-256 of a classifier's parameters and buffers: its identity in results."""
    return bundle.values_digest(as_arrays(classifier.state_dict()))


def as_arrays(tensors: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Convert tensors to arrays for a file: on the CPU, contiguous."""
    return {name: value.detach().cpu().contiguous().numpy() for name, value in tensors.items()}


@checked_arguments
def save_checkpoint(
    path: str | Path,
    classifier: StochasticClassifier,
    spec: TrainingSpec,
    dataset: Dataset,
    *,
    test_accuracy: float | None = None,
    overwrite: bool = False,
) -> None:
    """Write a trained classifier to a safetensors file atomically.

    Args:
        path: the file, by convention ``*.safetensors``.
        classifier: the trained classifier.
        spec: the settings of its training.
        dataset: the data set of its training.
        test_accuracy: what was measured on the test split, in [0, 1].
        overwrite: replace an existing file.

    Raises:
        FileError: if the file exists and ``overwrite`` is not set, or cannot be written.
    """
    header = {
        "schema_version": SCHEMA_VERSION,
        "spec": spec.to_json(),
        "dataset": dataset.name,
        "dataset_digest": dataset.digest,
        "image_shape": list(classifier.image_shape),
        "num_classes": classifier.num_classes,
        "test_accuracy": None if test_accuracy is None else float(test_accuracy),
        "versions": package_versions(),
    }
    if dataset.source:  # checkpoints on the data sets of the table stay as they were
        header["dataset_source"] = dataset.source
    content = bundle.to_bytes(CHECKPOINT, as_arrays(classifier.state_dict()), header)
    write_whole(path, content, overwrite=overwrite)


@checked_arguments
def load_checkpoint(path: str | Path, device: str | torch.device = "cpu") -> Checkpoint:
    """Read a classifier that :func:`save_checkpoint` wrote.

    Args:
        path: the file, or ``zoo:`` and the name of a trained classifier that comes with pyrosnn.
        device: where the classifier is put.

    Raises:
        UnknownNameError: for a name that is not in the zoo.
        FileError: for a file that is missing, truncated, corrupt, a result, no checkpoint of
            pyrosnn, or of a newer schema.
    """
    target = open_device(device)
    path = zoo_file(str(path)) if str(path).startswith(PREFIX) else Path(path)
    content = read_whole(path, CHECKPOINT)
    try:
        arrays, header = bundle.from_bytes(CHECKPOINT, content)
    except bundle.ForeignError as error:
        raise FileError(
            f"{path} is {error}, expected a checkpoint or package.module:function"
        ) from None
    except ValueError as error:
        foreign = foreign_kind_of(content)
        if foreign is not None or not bundle.may_be(content):
            what = "no checkpoint of pyrosnn" if foreign is None else foreign
            raise FileError(f"{path} is {what}; {OWN_MODEL}") from None
        raise FileError(
            f"{path} is not a readable checkpoint ({first_line(error)}); "
            "it may be truncated: train again or copy it again"
        ) from error
    checkpoint = _restore(path, header, arrays)
    checkpoint.classifier.to(target)
    return checkpoint


@checked_arguments
def load_model(name: str, device: str | torch.device = "cpu") -> StochasticClassifier:
    """Load a trained classifier that comes with pyrosnn.

    Args:
        name: its data set and model, such as ``digits/bnn``; see :func:`pyrosnn.zoo.zoo`.
        device: where the classifier is put.

    Raises:
        UnknownNameError: ``unknown trained model 'digits/bn'; did you mean 'digits/bnn'? (…)``.

    Example:
        >>> load_model("digits/bnn").image_shape
        (1, 8, 8)
    """
    require(
        not name.endswith(".safetensors"),
        f"load_model takes the name of a model that comes with pyrosnn, got the file {name}; your "
        "own is load_checkpoint(path).classifier",
    )
    return load_checkpoint(zoo_file(name), device).classifier


def _restore(path: Path, header: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> Checkpoint:
    """Rebuild the classifier from the header and the parameters."""
    version = header.get("schema_version")
    if version is not None and version != SCHEMA_VERSION:
        raise FileError(
            f"{path} has checkpoint schema {version}, this pyrosnn reads {SCHEMA_VERSION}; "
            "use the pyrosnn that wrote it or train again"
        )
    try:
        state = {name: torch.from_numpy(value) for name, value in arrays.items()}
        spec = TrainingSpec(**header["spec"])

        def build() -> StochasticClassifier:
            return build_model(
                spec.model,
                image_shape=tuple(header["image_shape"]),
                num_classes=header["num_classes"],
                options=spec.options,
            )

        with forked_rng(seed_sequence(0, "load")):  # the initial values are replaced at once
            check_outline(build, state)
            classifier = build()
        classifier.load_state_dict(state)
        return Checkpoint(
            classifier=classifier.eval().requires_grad_(False),
            spec=spec,
            dataset=header["dataset"],
            dataset_digest=header["dataset_digest"],
            test_accuracy=header["test_accuracy"],
            versions=header["versions"],
            dataset_source=str(header.get("dataset_source", "")),
        )
    except MemoryError:
        raise  # the machine is too small, the file may be whole
    except Exception as error:  # models are built of whatever settings the header has
        raise FileError(
            f"{path} is a damaged checkpoint ({first_line(error)}); train again"
        ) from error
