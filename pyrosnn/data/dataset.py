"""A data set as one value: images and labels of both splits, in memory."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

import torch
from annotated_types import Ge
from jaxtyping import Float, Int
from torch import Tensor

from pyrosnn.data.bounds import check_bounds, require_within
from pyrosnn.errors import ArgumentError, brief, require
from pyrosnn.settings import check_argument


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
        source: what ``load_dataset`` loads it by, if that is not its name: a function, a file or
            a folder.
        class_names: the classes' names in the order of the labels; empty where they have none.
    """

    name: str
    x_train: Float[Tensor, "train *image"]
    y_train: Int[Tensor, " train"]
    x_test: Float[Tensor, "test *image"]
    y_test: Int[Tensor, " test"]
    num_classes: int
    bounds: tuple[float, float] = (0.0, 1.0)
    source: str = ""
    class_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check both splits.

        Raises:
            ArgumentError: for other types or shapes, numbers of images and labels that differ,
                labels out of range, pixels that are not finite and within the bounds, or another
                number of names than of classes.
        """
        check_argument("name", self.name, str)
        check_argument("num_classes", self.num_classes, Annotated[int, Ge(1)])
        object.__setattr__(self, "bounds", check_bounds("bounds", self.bounds))
        check_argument("class_names", self.class_names, tuple[str, ...])
        require(
            len(self.class_names) in (0, self.num_classes),
            f"class_names has {len(self.class_names)} names for {self.num_classes} classes; give "
            "one for each class, or none",
        )
        for split, x, y in (
            ("train", self.x_train, self.y_train),
            ("test", self.x_test, self.y_test),
        ):
            for name, value in ((f"x_{split}", x), (f"y_{split}", y)):
                require(
                    isinstance(value, Tensor),
                    f"{name} must be a tensor, got {brief(value)}; of an array, "
                    "torch.from_numpy(…)",
                )
            if split == "train" and len(x) == 0:
                continue  # there may be a test split alone, as workers of a study have it
            try:
                check_batch(
                    x,
                    y,
                    num_classes=self.num_classes,
                    image_shape=self.image_shape,
                    dtype=torch.float32,
                )
                require_within(x, self.bounds, "bounds")
            except ArgumentError as error:
                raise ArgumentError(f"{self.name}, {split}: {error}") from None

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

    def images_at(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Return chosen test images and their labels.

        Args:
            indices: where they are in the test split; at least one, in any order.

        Raises:
            ArgumentError: ``digits has 500 test images, and none at index 900``.
        """
        number = len(self.x_test)
        require(len(indices) >= 1, "got no indices of images; expected at least one")
        for index in indices:
            require(
                0 <= index < number,
                f"{self.name} has {number} test images, and none at index {index}; indices are "
                f"0 … {number - 1}",
            )
        chosen = torch.tensor(list(indices))
        return self.x_test[chosen], self.y_test[chosen]

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
    require_images(x, image_shape=image_shape, dtype=dtype)
    require_finite_images(x)
    require_labels(y, len(x), num_classes=num_classes)


def require_images(
    x: Tensor, *, image_shape: tuple[int, ...], dtype: torch.dtype | None = None
) -> None:
    """Refuse images of another shape or type, and none.

    Args:
        x: images, shape (example, *image_shape).
        image_shape: shape of one image.
        dtype: type of the pixels; None for any floating-point type.

    Raises:
        ArgumentError: with the step from what was given, where it is known.
    """
    shape, kind = tuple(x.shape), x.dtype
    if shape[1:] != image_shape or not shape:
        raise ArgumentError(
            f"images have shape {shape}, expected (example, {', '.join(map(str, image_shape))})"
            f"{_step_to_shape(shape, image_shape)}"
        )
    if not kind.is_floating_point if dtype is None else kind != dtype:
        dtype = torch.float32 if dtype is None else dtype
        scaled = ", and divide by 255 if the pixels go to 255" if kind == torch.uint8 else ""
        name = str(dtype).removeprefix("torch.")
        raise ArgumentError(
            f"images have dtype {kind}, expected {dtype}; convert them (x.to(torch.{name}), of an "
            f"array x.astype('{name}')){scaled}"
        )
    require(len(x) > 0, "got no images; expected at least one")


def _step_to_shape(shape: tuple[int, ...], image_shape: tuple[int, ...]) -> str:
    """Return the step from images of another layout to those that are expected, if it is one."""
    if shape == image_shape:
        return "; give one image as x.unsqueeze(0)"
    if len(image_shape) == 3 and shape[1:] == (*image_shape[1:], image_shape[0]):
        return "; channels come first: x.permute(0, 3, 1, 2), of an array x.transpose(0, 3, 1, 2)"
    if len(shape) >= 1 and shape[1:] == image_shape[1:] and image_shape[:1] == (1,):
        return "; add the axis of channels: x.reshape(len(x), 1, …)"
    return ""


def require_finite_images(x: Tensor) -> None:
    """Refuse images with pixels that are NaN or infinite.

    Raises:
        ArgumentError: naming the images.
    """
    if not torch.isfinite(x).all():
        bad = (~torch.isfinite(x)).flatten(1).any(dim=1).nonzero().flatten().tolist()
        raise ArgumentError(
            f"images must be finite, got NaN or infinity in {len(bad)} of {len(x)} "
            f"(first at index {bad[0]})"
        )


def require_labels(y: Tensor, number: int, *, num_classes: int) -> None:
    """Refuse labels of another number, shape or type, or out of range.

    Args:
        y: labels, int64, shape (example,).
        number: how many images there are, at least one.
        num_classes: how many classes the labels may name.

    Raises:
        ArgumentError: with the step from what was given, where it is known.
    """
    shape = tuple(y.shape)
    if shape != (number,):
        steps: dict[tuple[int, ...], str] = {
            (number, 1): "; use y.flatten()",
            (number, num_classes): "; use y.argmax(1)",
        }
        raise ArgumentError(
            f"labels have shape {shape}, expected ({number},): one for each image"
            f"{steps.get(shape, '')}"
        )
    require(
        y.dtype == torch.int64,
        f"labels have dtype {y.dtype}, expected int64; use y.long(), of an array y.astype('int64')",
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
