"""Numbers as users have them, as a tensor: tensors, arrays or lists of them."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from pyrosnn.errors import ArgumentError, brief, require


def as_tensor(
    name: str,
    values: Any,
    kinds: str,
    dtype: torch.dtype,
    *,
    device: torch.device | None = None,
    arrays: bool = False,
) -> Tensor:
    """Return values as a tensor; a tensor stays as it is, and where it is.

    Args:
        name: what they are, in the plural, for errors.
        values: a tensor, an array, nested lists of numbers, or a list of tensors.
        kinds: numpy's kinds of numbers that may become ``dtype``.
        dtype: type of numbers from lists, which have none of their own.
        device: where what is no tensor is put; None for the CPU.
        arrays: whether arrays of these kinds become ``dtype``, too.

    Raises:
        ArgumentError: for what holds no numbers.

    Example:
        >>> as_tensor("labels", np.array([1, 2], np.int32), "iu", torch.int64, arrays=True).dtype
        torch.int64
    """
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
    if (listed or arrays) and array.dtype.kind in kinds:
        tensor = tensor.to(dtype)
    return tensor if device is None else tensor.to(device)
