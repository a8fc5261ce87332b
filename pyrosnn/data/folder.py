"""Data in a folder of images by class: ``test/cat/*.png``, and ``train/cat/*.png`` to train on."""

import hashlib
import io
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pyrosnn.data.dataset import Dataset
from pyrosnn.data.own import refused_as_data
from pyrosnn.errors import DataError, FileError, first_line
from pyrosnn.storage import read_whole

# Formats that Pillow decodes itself; others start programs, or are no pictures.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
MAX_BYTES = 2**28  # of a file
MAX_PIXELS = 2**26  # of an image: what a small file may expand to
LAYOUT = "expected images in FOLDER/test/CLASS (FOLDER/train/CLASS to train on), or FOLDER/CLASS"


def load(path: str | Path) -> Dataset:
    """Read a folder of images by class; the data set is named after it.

    The images are those of ``path/train/CLASS`` and ``path/test/CLASS``, or of ``path/CLASS`` as a
    test split without a training split. Classes are numbered by their names in order. Images are
    ordered by a hash of class and file name, so that the first ones are of all classes. Grey
    images have one channel, others red, green and blue; pixels are scaled to [0, 1]. What has a
    name that begins with a dot is left out.

    Args:
        path: the folder.

    Raises:
        FileError: for a folder or a file that cannot be read.
        DataError: for a class without images, a class that is not trained on, a file that is no
            image, transparent images, and images of different shapes.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> home = Path(tempfile.mkdtemp()) / "animals"
        >>> for name in ("dog", "cat"):
        ...     (home / name).mkdir(parents=True)
        ...     Image.new("RGB", (7, 5)).save(home / name / "1.png")
        >>> load(home)
        Dataset('animals', train=0, test=2, image_shape=(3, 5, 7), num_classes=2)
        >>> load(home).class_names
        ('cat', 'dog')
    """
    path = Path(path)
    home = path.resolve()
    if not home.is_dir():
        raise FileError(f"there is no folder {path}; {LAYOUT}")
    split = (path / "test").is_dir()
    test = _files(path / "test" if split else path)
    train = _files(path / "train") if split and (path / "train").is_dir() else {}
    for name in test:
        if train and name not in train:
            raise DataError(f"{path / 'train'} has no class '{name}', {path / 'test'} has it")
    classes = list(train or test)
    first = _read(next(iter(test.values()))[0])
    x_train, y_train = _split(train, classes, first)
    x_test, y_test = _split(test, classes, first)
    with refused_as_data(str(path)):
        return Dataset(
            name=home.name,
            x_train=x_train,
            y_train=y_train,
            x_test=x_test,
            y_test=y_test,
            num_classes=len(classes),
            class_names=tuple(classes),
            source=f"{path}/",  # never the name of a data set
        )


def _files(folder: Path) -> dict[str, list[Path]]:
    """Return the files of each class, both in order."""
    classes = {one.name: _entries(one) for one in _entries(folder) if one.is_dir()}
    if not classes:
        raise DataError(f"{folder} has no folders of classes; {LAYOUT}")
    for name, files in classes.items():
        if not files:
            raise DataError(f"class '{name}' of {folder} has no images; remove {folder / name}")
    return classes


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(one for one in folder.iterdir() if not one.name.startswith("."))
    except OSError as error:
        raise FileError(f"cannot read {folder}: {error.strerror or error}") from error


def _split(
    files: dict[str, list[Path]], classes: Sequence[str], first: np.ndarray
) -> tuple[Tensor, Tensor]:
    """Read the images of a split, which have the first image's shape."""
    mixed = sorted((path for paths in files.values() for path in paths), key=_hashed)
    labels = [classes.index(path.parent.name) for path in mixed]
    x = np.empty((len(labels), *first.shape), dtype=np.float32)
    for place, path in enumerate(mixed):
        image = _read(path)
        if image.shape != first.shape:
            raise DataError(
                f"{path} has the shape {image.shape}, the first test image has {first.shape} "
                "(channel, height, width); bring all to one size, and to grey or to colour"
            )
        np.divide(image, np.float32(255), out=x[place])
    return torch.from_numpy(x), torch.tensor(labels, dtype=torch.int64)


def _hashed(path: Path) -> bytes:
    """Return what orders images: as good as random, and the same wherever the folder is."""
    return hashlib.sha256(f"{path.parent.name}/{path.name}".encode()).digest()


def _read(path: Path) -> np.ndarray:
    """Return the pixels of an image, uint8, shape (channel, height, width)."""
    content = read_whole(path, "picture", limit=MAX_BYTES)
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(content), formats=FORMATS) as image:
            warnings.simplefilter("error")  # of damage that Pillow would pass over
            if image.width * image.height > MAX_PIXELS:
                raise DataError(f"{path} has {image.width} × {image.height} pixels; scale it down")
            return _pixels(path, image)
    except (MemoryError, DataError):
        raise
    except Exception as error:  # each format has its own for damage
        raise DataError(
            f"{path} is not a readable image ({first_line(error)}); expected one of "
            f"{', '.join(FORMATS)}, or move it out of the folder"
        ) from error


def _pixels(path: Path, image: Image.Image) -> np.ndarray:
    """Return the pixels of an image that Pillow has opened."""
    grey = image.mode in ("1", "L", "LA")
    if not grey and image.mode not in ("P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"):
        raise DataError(f"{path} has pixels of mode {image.mode}; expected 8 bits, grey or colour")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema() != (255, 255):
            raise DataError(f"{path} has transparent pixels; put it on a background")
    pixels = np.asarray(image.convert("L" if grey else "RGB"))
    return pixels[None] if grey else np.moveaxis(pixels, -1, 0)
