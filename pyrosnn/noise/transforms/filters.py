"""Filters: each pixel becomes a function of those around it."""

from collections.abc import Callable

import torch
from torch import Tensor

from pyrosnn.noise.transforms.numbers import between


def blur(h: Tensor, numbers: Tensor, fields: Tensor) -> Tensor:
    """Return the image blurred by a Gaussian of standard deviation 0.1 … 1 pixels."""
    spread = between(numbers[:, 0], 0.1, 1.0).squeeze(1)
    return _by_axis(h, lambda distance: torch.exp(-0.5 * (distance / spread) ** 2))


def smooth(h: Tensor, numbers: Tensor, fields: Tensor) -> Tensor:
    """Return means over squares of side 1.5 … 3 pixels, those in part within it included."""
    half = between(numbers[:, 0], 0.75, 1.5).squeeze(1)
    return _by_axis(h, lambda distance: (half + 0.5 - distance).clamp(0, 1))


def _by_axis(h: Tensor, weight: Callable[[Tensor], Tensor]) -> Tensor:
    """Filter rows and columns by weights of distances, which sum to 1 at every pixel."""
    for _ in range(2):
        side = torch.arange(h.shape[-1], dtype=h.dtype, device=h.device)
        matrix = weight((side[:, None] - side).abs().unsqueeze(0))
        matrix = matrix / matrix.sum(-1, keepdim=True)
        h = torch.einsum("noi,nchi->ncoh", matrix, h)  # the axes change places, twice
    return h


def low_pass(h: Tensor, numbers: Tensor, fields: Tensor) -> Tensor:
    """Return the image without high frequencies, times a number of 0.98 … 1.02.

    Kept are those up to 0.2 … 0.5 cycles a pixel along both axes, and so always the mean.
    """
    keep = between(numbers[:, 0], 0.2, 0.5)
    rows, columns = (
        torch.fft.fftfreq(n, dtype=h.dtype, device=h.device).abs() for n in h.shape[-2:]
    )
    kept = (rows[:, None] <= keep) & (columns <= keep)
    spectrum = torch.fft.fft2(h) * kept
    filtered: Tensor = torch.fft.ifft2(spectrum).real
    return filtered * between(numbers[:, 1], 0.98, 1.02)
