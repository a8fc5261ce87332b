"""Images and labels as users have them: tensors, arrays or lists, made tensors or refused."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from pyrosnn.data.dataset import require_images, require_labels
from pyrosnn.errors import ArgumentError, brief, require


def as_images(
    x: Any,
    *,
    image_shape: tuple[int, ...],
    dtype: torch.dtype,
    device: torch.device,
    exact: bool = True,
) -> Tensor:
    """Return images as a tensor; a tensor stays where it is.

    Args:
        x: a tensor, an array or nested lists of numbers, shape (example, *image_shape).
        image_shape: shape of one image.
        dtype: type of the pixels, the classifier's. Lists, which have no type, get it.
        device: where what is no tensor is put, the classifier's.
        exact: refuse other floating-point types.

    Raises:
        ArgumentError: for what holds no images, or images of another shape or type.

    Example:
        >>> where = {"dtype": torch.float32, "device": torch.device("cpu")}
        >>> as_images(np.zeros((5, 1, 8, 8), np.float32), image_shape=(1, 8, 8), **where).shape
        torch.Size([5, 1, 8, 8])
    """
    images = _tensor("images", x, "f", dtype, device)
    require_images(images, image_shape=image_shape, dtype=dtype if exact else None)
    return images


def as_labels(y: Any, number: int, *, num_classes: int, device: torch.device) -> Tensor:
    """Return labels as a tensor; a tensor stays where it is.

    Args:
        y: a tensor or an array of int64, or a list of integers, shape (example,).
        number: how many images there are.
        num_classes: how many classes the labels may name.
        device: where what is no tensor is put, the classifier's.

    Raises:
        ArgumentError: for what holds no labels, another number, shape or type of them, or labels
            out of range.
    """
    labels = _tensor("labels", y, "iu", torch.int64, device)
    require_labels(labels, number, num_classes=num_classes)
    return labels


def _tensor(name: str, values: Any, kinds: str, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return values as a tensor of their own type; numbers of lists get the one that is given."""
    if isinstance(values, list | tuple) and values and isinstance(values[0], Tensor):
        try:
            values = torch.stack(list(values))
        except (RuntimeError, TypeError) as error:
            raise ArgumentError(
                f"{name} are a list of tensors that cannot be stacked: {brief(str(error))}"
            ) from None
    if isinstance(values, Tensor):
        plain = values.layout == torch.strided and not values.is_quantized
        require(plain, f"{name} are a sparse or quantized tensor; expected a plain one")
        tensor = values.detach()
        return tensor.clone() if tensor.is_inference() else tensor
    listed = isinstance(values, list | tuple)
    known = listed or (isinstance(values, np.ndarray) and not np.ma.isMaskedArray(values))
    require(known, f"{name} must be a tensor, an array or a list, got {brief(values)}")
    try:
        array = np.array(values)  # a copy: torch takes no array that is read-only
        tensor = torch.from_numpy(array.astype(array.dtype.newbyteorder("="), order="C"))
    except (TypeError, ValueError, OverflowError):
        raise ArgumentError(
            f"{name} hold something else than numbers in rows of one length; expected a tensor of "
            f"{dtype}"
        ) from None
    if listed and array.dtype.kind in kinds:
        tensor = tensor.to(dtype)
    return tensor.to(device)
