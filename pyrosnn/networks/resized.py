"""Images at another size and place: a linear map that acts on rows and on columns."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pyrosnn.networks.operation import Operation


def positions(side: int, size: Tensor, start: Tensor, padded: int, dtype: torch.dtype) -> Tensor:
    """Return the weights of linear interpolation along one axis.

    Output pixel o in ``start`` … ``start + size - 1`` is the image at
    (o - start + 1/2) · side / size - 1/2, as in ``torch.nn.functional.interpolate``; the others
    have no weights.

    Args:
        side: number of pixels of the image.
        size: its number of pixels after resizing, any shape.
        start: the first of them, the same shape.
        padded: number of output pixels.
        dtype: type of the weights.

    Returns:
        Shape (*size, padded, side).

    Example:
        >>> positions(2, torch.tensor(4), torch.tensor(1), 6, torch.float32)[:4]
        tensor([[0.0000, 0.0000],
                [1.0000, 0.0000],
                [0.7500, 0.2500],
                [0.2500, 0.7500]])
    """
    size, start = size.unsqueeze(-1), start.unsqueeze(-1)
    pixel = torch.arange(padded, device=size.device) - start
    inside = (pixel >= 0) & (pixel < size)
    place = ((pixel.double() + 0.5) * side / size - 0.5).clamp(0, side - 1)
    source = torch.arange(side, device=size.device)
    weights = (1 - (place.unsqueeze(-1) - source).abs()).clamp(min=0)
    return (weights * inside.unsqueeze(-1)).to(dtype)


@dataclass(frozen=True)
class Resized(Operation):
    r"""$A h B^\top$ in each channel, and a constant where there is no image.

    Attributes:
        rows: A, shape (sample or 1, example or 1, height out, height in), no weight negative.
        columns: B, likewise for the width.
        fill: the constant.
    """

    rows: Tensor
    columns: Tensor
    fill: float
    monotone = True

    @property
    def num_samples(self) -> int:
        """Number of samples with different maps."""
        return max(len(self.rows), len(self.columns))

    @property
    def num_images(self) -> int:
        """Number of images with different maps."""
        return max(self.rows.shape[1], self.columns.shape[1])

    def value(self, *inputs: Tensor) -> Tensor:
        """Return the resized and padded image."""
        image = self.jvp(None, *inputs)
        if self.fill == 0:
            return image
        rows, columns = (axis.any(-1) for axis in (self.rows, self.columns))
        outside = ~(rows.unsqueeze(-1) & columns.unsqueeze(-2)).unsqueeze(2)
        return image + self.fill * outside.to(image.dtype)

    def jvp(self, residual: Tensor | None, *steps: Tensor) -> Tensor:
        """Return A v Bᵀ."""
        return _product(self.rows, self.columns, steps[0])

    def vjp(
        self, residual: Tensor | None, cotangent: Tensor, shared: tuple[bool, ...]
    ) -> tuple[Tensor, ...]:
        """Return Aᵀ u B."""
        return (_product(self.rows.mT, self.columns.mT, cotangent),)

    def repeated(self, times: int) -> "Resized":
        """Return the map with those of each image repeated."""
        rows, columns = (axis.repeat_interleave(times, 1) for axis in (self.rows, self.columns))
        return replace(self, rows=rows, columns=columns)

    def magnitude(self, power: int) -> "Resized":
        """Return the map of the weights' powers: products of powers of rows and columns."""
        return replace(self, rows=self.rows**power, columns=self.columns**power, fill=0.0)


def _product(rows: Tensor, columns: Tensor, h: Tensor) -> Tensor:
    """Return the product with both factors, of shape (sample or 1, example or 1, out, in)."""
    half = torch.einsum("snoh,snchw->sncow", rows.to(h.dtype), h)
    product: Tensor = torch.einsum("snpw,sncow->sncop", columns.to(h.dtype), half)
    return product
