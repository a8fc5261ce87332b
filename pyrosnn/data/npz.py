"""Data in a file of numpy: images and labels of both splits, or of one, in a ``.npz``."""

import io
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pyrosnn.data.dataset import Dataset
from pyrosnn.data.own import refused_as_data
from pyrosnn.errors import DataError, first_line
from pyrosnn.storage import read_whole

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
TEST_ALONE = ("images", "labels")
OPTIONAL = ("bounds", "num_classes", "class_names")


def load(path: str | Path) -> Dataset:
    """Read a data set that ``numpy.savez`` wrote; it is named after the file.

    Args:
        path: the file. It holds the arrays ``x_train``, ``y_train``, ``x_test`` and ``y_test``,
            or ``images`` and ``labels`` for a test split alone. It may hold ``bounds`` (two
            numbers, by default 0 and 1), ``num_classes`` (by default one more than the largest
            label) and ``class_names``. Images of type uint8 are pictures: they are scaled to
            [0, 1] unless there are bounds, get a channel where they have none, and may have their
            channels last.

    Raises:
        FileError: for a file that cannot be read.
        DataError: for a file that is damaged, has pickled objects, or lacks an array, and for
            images or labels that no classifier could take.
    """
    path = Path(path)
    arrays = _read(path)
    bounded = "bounds" in arrays
    if TEST_ALONE[0] in arrays:
        x_test, y_test = _pair(arrays, *TEST_ALONE, path, bounded)
        x_train, y_train = x_test[:0].clone(), y_test[:0].clone()
    else:
        x_train, y_train = _pair(arrays, "x_train", "y_train", path, bounded)
        x_test, y_test = _pair(arrays, "x_test", "y_test", path, bounded)
    largest = max((int(y.max()) for y in (y_train, y_test) if y.numel()), default=0)
    bounds = _numbers(arrays, "bounds", 2, path, (0.0, 1.0))
    with refused_as_data(str(path)):
        return Dataset(
            name=path.stem,
            x_train=x_train,
            y_train=y_train,
            x_test=x_test,
            y_test=y_test,
            num_classes=int(_numbers(arrays, "num_classes", 1, path, (largest + 1.0,))[0]),
            bounds=(bounds[0], bounds[1]),
            source=str(path),
            class_names=_names(arrays, path),
        )


def _read(path: Path) -> dict[str, np.ndarray]:
    content = read_whole(path, "data file")
    try:
        with np.load(io.BytesIO(content)) as file:
            splits = any(name in file for name in ARRAYS)
            names = TEST_ALONE if not splits and any(n in file for n in TEST_ALONE) else ARRAYS
            missing = [name for name in names if name not in file]
            if missing:
                raise DataError(
                    f"{path} lacks {', '.join(missing)}; write it with numpy.savez({path.name!r}, "
                    f"{', '.join(f'{name}=…' for name in names)})"
                )
            return {name: file[name] for name in (*names, *OPTIONAL) if name in file}
    except (MemoryError, DataError):
        raise
    except Exception as error:  # zipfile, zlib and numpy have one for each kind of damage
        raise DataError(
            f"{path} is not a readable .npz file of numbers ({first_line(error)}); write it with "
            "numpy.savez"
        ) from error


def _pair(
    arrays: dict[str, np.ndarray], images: str, labels: str, path: Path, bounded: bool
) -> tuple[Tensor, Tensor]:
    """Return the images and the labels of a split."""
    return _images(arrays[images], bounded), _labels(arrays[labels], f"{labels} of {path}")


def _names(arrays: dict[str, np.ndarray], path: Path) -> tuple[str, ...]:
    names = arrays.get("class_names", np.array([], dtype=str)).reshape(-1)
    if names.dtype.kind != "U":
        raise DataError(f"class_names of {path} has the type {names.dtype}, expected texts")
    return tuple(map(str, names))


def _images(x: np.ndarray, bounded: bool) -> Tensor:
    if x.dtype == np.uint8:
        if x.ndim == 4 and x.shape[-1] in (1, 3, 4) and x.shape[1] not in (1, 3, 4):
            x = np.moveaxis(x, -1, 1)
        if x.ndim == 3:
            x = x[:, None]
        x = x / np.float32(1.0 if bounded else 255.0)
    if x.dtype.kind not in "biuf":
        raise DataError(f"images have the type {x.dtype}, expected numbers")
    return torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32))


def _labels(y: np.ndarray, name: str) -> Tensor:
    flat = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if _is_one_hot(flat):
        raise DataError(
            f"{name} is one-hot, of shape {y.shape}, expected integers, one for each image; write "
            "y.argmax(1)"
        )
    if flat.dtype.kind not in "iu":
        raise DataError(f"{name} has the type {y.dtype}, expected integers, 0 … classes - 1")
    return torch.from_numpy(np.ascontiguousarray(flat, dtype=np.int64))


def _is_one_hot(y: np.ndarray) -> bool:
    """Whether each row has a 1 in one place, and 0 in all others."""
    if y.ndim != 2 or y.size == 0 or y.dtype.kind not in "biuf":
        return False
    return bool((((y == 0) | (y == 1)).all(1) & ((y == 1).sum(1) == 1)).all())


def _numbers(
    arrays: dict[str, np.ndarray], name: str, length: int, path: Path, default: tuple[float, ...]
) -> tuple[float, ...]:
    if name not in arrays:
        return default
    values = arrays[name].reshape(-1)
    if len(values) != length or values.dtype.kind not in "iuf":
        raise DataError(f"{name} of {path} must be {length} numbers, got {str(arrays[name])[:40]}")
    return tuple(float(value) for value in values)
