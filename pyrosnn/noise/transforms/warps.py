"""Changes of the places of pixels, interpolated linearly; beyond the border, its value."""

import math

import torch
from torch import Tensor

from pyrosnn.noise.transforms.numbers import between


def swirl(h: Tensor, numbers: Tensor, fields: Tensor) -> Tensor:
    """Return the image turned around a point, less far away: strength 0.01 … 2.

    The centre is anywhere, and the radius 10 … 200 of 256 pixels.
    """
    height, width = h.shape[-2:]
    strength = between(numbers[:, 0], 0.01, 2.0).squeeze(1)
    radius = between(numbers[:, 1], 10.0, 200.0).squeeze(1) * height / 256
    row = between(numbers[:, 2], 0.0, height - 1.0).squeeze(1)
    column = between(numbers[:, 3], 0.0, width - 1.0).squeeze(1)
    rows, columns = _pixels(h)
    y, x = rows - row, columns - column
    distance = torch.hypot(y, x)
    # the angle falls to 1/1000 within the radius, as in scikit-image
    angle = strength * torch.exp(-distance / (radius * math.log(2.0) / 5))
    cos, sin = angle.cos(), angle.sin()
    return values_at(h, row + y * cos + x * sin, column + x * cos - y * sin)


def zoom(h: Tensor, numbers: Tensor, fields: Tensor) -> Tensor:
    """Return the image without 10 … 50 of 256 pixels on each side, resized to what it was."""
    rows, columns = _pixels(h)
    top, bottom, left, right = (
        between(numbers[:, i], 10 / 256, 50 / 256).squeeze(1) for i in range(4)
    )
    return values_at(
        h, _within(rows, h.shape[-2], top, bottom), _within(columns, h.shape[-1], left, right)
    )


def _within(pixel: Tensor, side: int, before: Tensor, after: Tensor) -> Tensor:
    return side * before + (pixel + 0.5) * (1 - before - after) - 0.5


def _pixels(h: Tensor) -> tuple[Tensor, Tensor]:
    """Return row and column of each pixel, shape (1, height, width)."""
    height, width = h.shape[-2:]
    rows = torch.arange(height, dtype=h.dtype, device=h.device)
    columns = torch.arange(width, dtype=h.dtype, device=h.device)
    return rows[None, :, None].expand(1, height, width), columns[None, None].expand(
        1, height, width
    )


def values_at(h: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return images at places between pixels, the same in all channels.

    Args:
        h: shape (image, channel, height, width).
        rows: from 0 on, shape (image, height, width).
        columns: likewise.

    Example:
        >>> ramp = torch.arange(4.0).reshape(1, 1, 1, 4)
        >>> values_at(ramp, torch.zeros(1, 1, 3), torch.tensor([[[0.5, 2.0, 9.0]]]))
        tensor([[[[0.5000, 2.0000, 3.0000]]]])
    """
    height, width = h.shape[-2:]
    rows, columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
    top, left = (
        rows.floor().clamp(max=max(height - 2, 0)),
        columns.floor().clamp(max=max(width - 2, 0)),
    )
    down, along = (rows - top).unsqueeze(1), (columns - left).unsqueeze(1)
    flat = h.flatten(2)

    def at(row: Tensor, column: Tensor) -> Tensor:
        index = (row.clamp(max=height - 1) * width + column.clamp(max=width - 1)).long()
        chosen = flat.gather(2, index.flatten(1).unsqueeze(1).expand(-1, h.shape[1], -1))
        pixels: Tensor = chosen.unflatten(2, index.shape[1:])
        return pixels

    upper = at(top, left) * (1 - along) + at(top, left + 1) * along
    lower = at(top + 1, left) * (1 - along) + at(top + 1, left + 1) * along
    return upper * (1 - down) + lower * down
