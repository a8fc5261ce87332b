"""A data set as one value: images and labels of both splits, in memory."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pyrosnn.errors import ArgumentError, require


@dataclass(frozen=True, eq=False, kw_only=True)
class Dataset:
    """Images and labels of both splits, and the bounds of a pixel.

    Attributes:
        name: its name in ``DATASETS``, or one of your own.
        x_train, x_test: images, float32, shape (example, *image), in ``bounds``; an image is often
            (channel, height, width).
        y_train, y_test: labels, int64, shape (example,), in 0 … num_classes - 1.
        num_classes: how many classes there are.
        bounds: smallest and largest pixel value.
        source: what ``load_dataset`` loads it by, if that is not its name: a function or a file.
    """

    name: str
    x_train: Float[Tensor, "train *image"]
    y_train: Int[Tensor, " train"]
    x_test: Float[Tensor, "test *image"]
    y_test: Int[Tensor, " test"]
    num_classes: int
    bounds: tuple[float, float] = (0.0, 1.0)
    source: str = ""

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one image, such as (channel, height, width)."""
        return tuple(self.x_train.shape[1:])

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all images and labels: the data set's identity in checkpoints and results."""
        sha = hashlib.sha256()
        for tensor in (self.x_train, self.y_train, self.x_test, self.y_test):
            sha.update(tensor.contiguous().numpy().tobytes())
        return sha.hexdigest()

    def test_images(self, number: int) -> tuple[Tensor, Tensor]:
        """Return the first ``number`` test images and their labels.

        Raises:
            ArgumentError: ``digits has 500 test images, asked for 900``.
        """
        require(number >= 1, f"number of images must be >= 1, got {number}")
        available = len(self.x_test)
        require(
            number <= available,
            f"{self.name} has {available} test images, asked for {number}; lower --images",
        )
        return self.x_test[:number], self.y_test[:number]

    def __repr__(self) -> str:
        return (
            f"Dataset({self.name!r}, train={len(self.x_train)}, test={len(self.x_test)}, "
            f"image_shape={self.image_shape}, num_classes={self.num_classes})"
        )


def check_batch(
    x: Tensor, y: Tensor, *, num_classes: int, image_shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    """Refuse images and labels that do not form a valid batch.

    Args:
        x: images, shape (example, *image_shape).
        y: labels, int64, shape (example,).
        num_classes: how many classes the labels may name.
        image_shape: shape of one image.
        dtype: type of the pixels, the classifier's.

    Raises:
        ArgumentError: for a wrong shape or type, no image, numbers of images and labels that
            differ, NaN or infinite pixels, or labels out of range.
    """
    require(
        x.ndim >= 1 and tuple(x.shape[1:]) == image_shape,
        f"images have shape {tuple(x.shape)}, expected (example, "
        f"{', '.join(map(str, image_shape))})",
    )
    require(x.dtype == dtype, f"images have dtype {x.dtype}, expected {dtype}; convert them")
    require(len(x) > 0, "got no images; expected at least one")
    require(
        y.ndim == 1 and len(y) == len(x),
        f"labels have shape {tuple(y.shape)}, expected ({len(x)},): one for each image",
    )
    require(y.dtype == torch.int64, f"labels have dtype {y.dtype}, expected int64; use y.long()")
    if not torch.isfinite(x).all():
        bad = (~torch.isfinite(x)).flatten(1).any(dim=1).nonzero().flatten().tolist()
        raise ArgumentError(
            f"images must be finite, got NaN or infinity in {len(bad)} of {len(x)} "
            f"(first at index {bad[0]})"
        )
    low, high = int(y.min()), int(y.max())
    require(
        low >= 0 and high < num_classes,
        f"labels must be in 0 … {num_classes - 1}, got {low if low < 0 else high}",
    )


def require_on(device: torch.device, **tensors: Tensor) -> None:
    """Refuse images and labels that are not where the classifier is.

    Args:
        device: the classifier's.
        tensors: by what they are, in the plural.

    Raises:
        ArgumentError: ``images are on cpu, the classifier is on cuda:0; move them there …``.
    """
    for name, tensor in tensors.items():
        require(
            tensor.device == device,
            f"{name} are on {tensor.device}, the classifier is on {device}; move them there with "
            ".to(classifier.device)",
        )
