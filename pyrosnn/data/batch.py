"""Images and labels as users have them: tensors, arrays or lists, made tensors or refused."""

from typing import Any

import torch
from torch import Tensor

from pyrosnn.data.dataset import require_images, require_labels
from pyrosnn.data.tensors import as_tensor


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
        >>> import numpy as np
        >>> where = {"dtype": torch.float32, "device": torch.device("cpu")}
        >>> as_images(np.zeros((5, 1, 8, 8), np.float32), image_shape=(1, 8, 8), **where).shape
        torch.Size([5, 1, 8, 8])
    """
    images = as_tensor("images", x, "f", dtype, device=device)
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
    labels = as_tensor("labels", y, "iu", torch.int64, device=device)
    require_labels(labels, number, num_classes=num_classes)
    return labels
