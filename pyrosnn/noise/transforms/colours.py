"""Changes of the colours of red, green and blue."""

import torch
from torch import Tensor

from pyrosnn.noise.transforms.numbers import between

# Rows: red, green and blue, of lightness and the two differences of colour (Y, U, V).
OF_YUV = ((1.0, 0.0, 1.13983), (1.0, -0.39465, -0.58060), (1.0, 2.03211, 0.0))


def mix_channels(h: Tensor, numbers: Tensor, fields: Tensor) -> Tensor:
    """Return the image with a grey one mixed in: a random mean of its channels, by 0.2 … 1."""
    shares = numbers[:, :3] + torch.finfo(h.dtype).eps
    shares = shares / shares.sum(1, keepdim=True)
    grey = (h * shares[:, :, None, None]).sum(1, keepdim=True)
    part = between(numbers[:, 3], 0.2, 1.0)
    return h + part * (grey - h)


def shift_colours(h: Tensor, numbers: Tensor, fields: Tensor) -> Tensor:
    """Return the image with another lightness (± 0.05) and other colours (± 0.02, U and V)."""
    largest = h.new_tensor([0.05, 0.02, 0.02])
    shift = (2 * numbers[:, :3] - 1) * largest @ h.new_tensor(OF_YUV).T
    return h + shift[:, :, None, None]
