"""`cifar10` and `cifar100`: 60,000 colour images each, 32 x 32 pixels, from either official form.

The binary form is read here. The Python form is pickled: torchvision reads it, and only after
every file has the MD5 sum of the original.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import DataError

IMAGE_SHAPE = (3, 32, 32)
PIXELS = 3 * 32 * 32
NUM_TRAIN, NUM_TEST = 50_000, 10_000


@dataclass(frozen=True, kw_only=True)
class Source:
    """The places of a CIFAR data set, and the layout of a record in its binary form.

    Attributes:
        name: its name in ``DATASETS``.
        folder: folder of the binary form.
        train: files of the training images, in order.
        test: files of the test images.
        label_bytes: bytes before the pixels of a record; the last of them is the label.
        num_classes: number of classes.
        torchvision: name of torchvision's class.
    """

    name: str
    folder: str
    train: Sequence[str]
    test: Sequence[str]
    label_bytes: int
    num_classes: int
    torchvision: str


CIFAR10 = Source(
    name="cifar10",
    folder="cifar-10-batches-bin",
    train=[f"data_batch_{batch}.bin" for batch in range(1, 6)],
    test=["test_batch.bin"],
    label_bytes=1,
    num_classes=10,
    torchvision="CIFAR10",
)
CIFAR100 = Source(
    name="cifar100",
    folder="cifar-100-binary",
    train=["train.bin"],
    test=["test.bin"],
    label_bytes=2,  # the coarse label comes first
    num_classes=100,
    torchvision="CIFAR100",
)


def load_cifar10(root: Path) -> Dataset:
    """Return CIFAR-10 with its predefined split, scaled to [0, 1].

    Args:
        root: folder that holds ``cifar-10-batches-bin``, or ``cifar-10-batches-py``, which
            torchvision downloads where it is not there.

    Raises:
        DataError: if the files are not there and cannot be downloaded, or are damaged.

    References:
        A. Krizhevsky, Learning multiple layers of features from tiny images, 2009.
    """
    return _load(CIFAR10, root)


def load_cifar100(root: Path) -> Dataset:
    """Return CIFAR-100 with its predefined split and fine labels, scaled to [0, 1].

    Args:
        root: folder that holds ``cifar-100-binary``, or ``cifar-100-python``, which torchvision
            downloads where it is not there.

    Raises:
        DataError: if the files are not there and cannot be downloaded, or are damaged.

    References:
        A. Krizhevsky, Learning multiple layers of features from tiny images, 2009.
    """
    return _load(CIFAR100, root)


def _load(source: Source, root: Path) -> Dataset:
    read = _read_binary if (root / source.folder).is_dir() else _read_torchvision
    train, test = read(source, root)
    return Dataset(
        name=source.name,
        x_train=train[0],
        y_train=train[1],
        x_test=test[0],
        y_test=test[1],
        num_classes=source.num_classes,
    )


Split = tuple[Tensor, Tensor]


def _read_binary(source: Source, root: Path) -> tuple[Split, Split]:
    """Read records of labels and pixels, one colour after the other."""
    folder = root / source.folder
    return (
        _read_records(source, [folder / name for name in source.train], NUM_TRAIN),
        _read_records(source, [folder / name for name in source.test], NUM_TEST),
    )


def _read_records(source: Source, files: list[Path], number: int) -> Split:
    length = source.label_bytes + PIXELS
    expected = number // len(files) * length
    parts = []
    for path in files:
        try:
            with path.open("rb") as file:
                content = file.read(expected + 1)  # enough to see that it is too long
        except OSError as error:
            raise _damaged(source, f"cannot read {path}: {error.strerror or error}") from error
        if len(content) != expected:
            size = path.stat().st_size
            raise _damaged(source, f"{path} has {size} bytes, expected {expected}")
        parts.append(np.frombuffer(content, dtype=np.uint8).reshape(-1, length))
    records = np.concatenate(parts)
    labels, pixels = records[:, source.label_bytes - 1], records[:, source.label_bytes :]
    if labels.max() >= source.num_classes:
        at = int(labels.argmax())
        path = files[at * len(files) // number]
        raise _damaged(
            source,
            f"{path} has label {labels[at]}, expected 0 … {source.num_classes - 1}",
        )
    return _scaled(pixels), torch.from_numpy(labels.astype(np.int64))


def _read_torchvision(source: Source, root: Path) -> tuple[Split, Split]:
    """Read torchvision's form; torchvision downloads it if needed, and checks its sums."""
    from torchvision import datasets

    dataset = getattr(datasets, source.torchvision)
    splits: list[Any] = []
    for train in (True, False):
        try:
            splits.append(dataset(root, train=train, download=True))
        except (OSError, RuntimeError, ValueError, EOFError, AssertionError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise DataError(
                f"{source.name} is missing or damaged below {root}, and a download did not help "
                f"({reason}); put the binary version's folder {source.folder} there, or name "
                "another folder with --data-root or PYROSNN_DATA"
            ) from error
    first, second = (
        (_scaled(split.data.transpose(0, 3, 1, 2)), torch.tensor(split.targets)) for split in splits
    )
    return first, second


def _scaled(pixels: npt.NDArray[np.uint8]) -> Tensor:
    values = torch.from_numpy(np.ascontiguousarray(pixels)).reshape(-1, *IMAGE_SHAPE)
    return values / 255.0


def _damaged(source: Source, reason: str) -> DataError:
    return DataError(
        f"{source.name} is damaged: {reason}; copy the binary version's folder "
        f"{source.folder} again"
    )
