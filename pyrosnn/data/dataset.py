"""A data set as one value: images and labels of both splits, in memory."""

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge
from jaxtyping import Float, Int
from torch import Tensor

from pyrosnn.data.bounds import check_bounds, require_within
from pyrosnn.data.tensors import as_tensor
from pyrosnn.errors import ArgumentError, PyrosnnWarning, require
from pyrosnn.settings import RightlyCalled, check_argument

CHANNELS_FIRST = "; channels come first: x.permute(0, 3, 1, 2), of an array x.transpose(0, 3, 1, 2)"


@dataclass(frozen=True, eq=False, kw_only=True)
class Dataset(metaclass=RightlyCalled):
    """Images and labels of both splits, and the bounds of a pixel.

    Attributes:
        name: its name in ``DATASETS``, or one of your own.
        x_train, x_test: images, float32, shape (example, *image), in ``bounds``; an image is often
            (channel, height, width). Arrays of floating-point numbers are converted.
        y_train, y_test: labels, int64, shape (example,), in 0 … num_classes - 1. Arrays of
            integers are converted.
        num_classes: how many classes there are.
        bounds: smallest and largest pixel value.
        source: what ``load_dataset`` loads it by, if that is not its name: a function, a file or
            a folder.
        class_names: the classes' names in the order of the labels; empty where they have none.

    Example:
        >>> import torch
        >>> x, y = torch.rand(20, 3, 8, 8), torch.arange(20) % 5
        >>> Dataset(
        ...     name="mine", x_train=x[:15], y_train=y[:15], x_test=x[15:], y_test=y[15:],
        ...     num_classes=5,
        ... )
        Dataset('mine', train=15, test=5, image_shape=(3, 8, 8), num_classes=5)
    """

    how_to_make: ClassVar[str] = "load one with pyrosnn.load_dataset, or make one of arrays"

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
        """Check both splits; make tensors of arrays.

        Raises:
            ArgumentError: for other types or shapes, channels that come last, numbers of images
                and labels that differ, labels out of range, pixels that are not finite and within
                the bounds, or another number of names than of classes.

        Warns:
            PyrosnnWarning: for labels that begin at 1.
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
        for name, kinds, dtype in (("x", "f", torch.float32), ("y", "iu", torch.int64)):
            for field in (f"{name}_train", f"{name}_test"):
                tensor = as_tensor(field, getattr(self, field), kinds, dtype, arrays=True)
                object.__setattr__(self, field, tensor)
        for split, x, y in (
            ("train", self.x_train, self.y_train),
            ("test", self.x_test, self.y_test),
        ):
            if split == "train" and len(x) == 0:
                continue  # there may be a test split alone, as workers of a study have it
            try:
                _require_channels_first(x)
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
        self._warn_of_labels()

    @property
    def begins_at_one(self) -> bool:
        """Whether class 0 alone has no image: the labels may begin at 1."""
        labels = torch.cat([self.y_train, self.y_test]).unique()
        return self.num_classes > 2 and labels.tolist() == list(range(1, self.num_classes))

    def _warn_of_labels(self) -> None:
        if self.begins_at_one:
            warnings.warn(
                f"{self.name} has images of the classes 1 … {self.num_classes - 1}, and none of "
                f"class 0; if its labels begin at 1, give y - 1 and num_classes="
                f"{self.num_classes - 1}",
                PyrosnnWarning,
                stacklevel=4,
            )

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
        check_argument("number of images", number, Annotated[int, Ge(1)])
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


# What the last axis of a picture with its channels last has: grey, or colour.
_GREY, _COLOUR = 1, 3
_FEW = 4  # channels that a picture has at most


def _require_channels_first(x: Tensor) -> None:
    """Refuse pictures whose channels come last, which the data set alone can tell by its shape."""
    if x.ndim != 4:
        return
    first, height, width = (int(size) for size in x.shape[1:])
    square = first == height > _FEW
    if (width == _COLOUR and first > _FEW) or (width == _GREY and square):
        raise ArgumentError(
            f"images have shape {tuple(x.shape)}, expected (example, channel, height, width)"
            f"{CHANNELS_FIRST}"
        )


def _step_to_shape(shape: tuple[int, ...], image_shape: tuple[int, ...]) -> str:
    """Return the step from images of another layout to those that are expected, if it is one."""
    if shape == image_shape:
        return "; give one image as x.unsqueeze(0)"
    if len(image_shape) == 3 and shape[1:] == (*image_shape[1:], image_shape[0]):
        return CHANNELS_FIRST
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
    step = "; labels begin at 0: use y - 1" if low >= 1 and high == num_classes else ""
    require(
        low >= 0 and high < num_classes,
        f"labels must be in 0 … {num_classes - 1}, got {low if low < 0 else high}{step}",
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
