"""Changes of single pixel values."""

import math

import torch
from torch import Tensor

from pyrosnn.noise.transforms.numbers import between, whole


def round_values(h: Tensor, numbers: Tensor, fields: Tensor) -> Tensor:
    r"""Return $\operatorname{round}(s x) / s$ with s of 8 … 200 levels.

    The gradient is that of the image as it was (straight through).
    """
    levels = whole(numbers[:, 0], 8, 200)
    return h + ((h * levels).round() / levels - h).detach()


def add_noise(h: Tensor, numbers: Tensor, fields: Tensor) -> Tensor:
    """Return the sum with Gaussian noise of standard deviation 0.1."""
    edge = torch.finfo(fields.dtype).eps
    standard = torch.erfinv((2 * fields[:, 0] - 1).clamp(edge - 1, 1 - edge)) * math.sqrt(2.0)
    return h + 0.1 * standard


def flip_pixels(h: Tensor, numbers: Tensor, fields: Tensor) -> Tensor:
    """Return the image with 5 % of its numbers 0 or 1 (salt and pepper)."""
    u = fields[:, 1]
    kept = torch.where(u < 0.025, torch.zeros_like(h), h)
    return torch.where(u >= 0.975, torch.ones_like(h), kept)


def stretch_contrast(h: Tensor, numbers: Tensor, fields: Tensor) -> Tensor:
    """Return the image with a low percentile (1 … 4) at 0 and a high one (96 … 99) at 1.

    An image of one value stays.
    """
    values = h.flatten(1)
    last = values.shape[1] - 1
    number = min(math.floor(0.04 * last) + 2, last + 1)
    lowest, highest = values.topk(number, largest=False).values, values.topk(number).values
    low = _interpolated(lowest, last * between(numbers[:, 0], 0.01, 0.04).flatten())
    high = _interpolated(highest, last * (1 - between(numbers[:, 1], 0.96, 0.99).flatten()))
    flat = high <= low
    width = torch.where(flat, torch.ones_like(high), high - low)
    start = torch.where(flat, torch.zeros_like(low), low)
    return (h - start[:, None, None, None]) / width[:, None, None, None]


def _interpolated(values: Tensor, place: Tensor) -> Tensor:
    """Return the value of each row at a place between two of its columns."""
    below = place.floor().long().unsqueeze(1).clamp(max=values.shape[1] - 1)  # half precision
    above = (below + 1).clamp(max=values.shape[1] - 1)
    part = place - below.squeeze(1)
    first, second = (values.gather(1, index).squeeze(1) for index in (below, above))
    return first + part * (second - first)
