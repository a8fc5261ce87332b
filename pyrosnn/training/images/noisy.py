"""Noisy copies of each image, to train a classifier that is averaged over noise."""

import math

import torch
from torch import Tensor


def add_noise(x: Tensor, y: Tensor, *, variance: float, copies: int) -> tuple[Tensor, Tensor]:
    """Return noisy copies of each image and their labels; x and y themselves for variance 0.

    Args:
        x: images, shape (example, *image).
        y: labels, shape (example,).
        variance: of the Gaussian noise, in squared pixel units.
        copies: how many replace each image.
    """
    if variance == 0:
        return x, y
    images = x.repeat_interleave(copies, 0)
    labels = y.repeat_interleave(copies, 0)
    return images + math.sqrt(variance) * torch.randn_like(images), labels
