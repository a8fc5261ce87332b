"""Uniform numbers as parameters."""

from torch import Tensor


def between(u: Tensor, low: float, high: float) -> Tensor:
    """Return a number that is uniform in an interval, beside axes of pixels.

    Args:
        u: uniform in [0, 1), shape (image,).
        low: the smallest.
        high: the largest.

    Returns:
        Shape (image, 1, 1, 1).
    """
    return (low + (high - low) * u)[:, None, None, None]


def whole(u: Tensor, low: int, high: int) -> Tensor:
    """Return a whole number, each of ``low`` … ``high`` equally likely; shape (image, 1, 1, 1).

    Example:
        >>> import torch
        >>> whole(torch.tensor([0.0, 0.49, 0.51, 0.99]), 8, 9).flatten().tolist()
        [8.0, 8.0, 9.0, 9.0]
    """
    return between(u, float(low), float(high + 1)).floor()
