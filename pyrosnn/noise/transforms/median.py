"""The median of the pixels around each, by comparisons of whole images."""

import torch
from torch import Tensor
from torch.nn.functional import pad

SIDE = 3


def find_median(h: Tensor, numbers: Tensor, fields: Tensor) -> Tensor:
    """Return the median of 3 × 3 pixels.

    Its gradient goes to the pixel that is the median, the first of those that are equal.

    ``torch.median`` over nine copies of the image takes several times as long.
    """
    height, width = h.shape[-2:]
    padded = pad(h, (1, 1, 1, 1), mode="replicate")
    around = {
        row * padded.shape[-1] + column: padded.detach()[
            ..., row : row + height, column : column + width
        ]
        for row in range(SIDE)
        for column in range(SIDE)
    }
    value = _medians(padded.detach())
    step = torch.full_like(value, 0, dtype=torch.long)
    for offset, pixel in reversed(around.items()):
        step = torch.where(pixel == value, offset, step)
    rows = torch.arange(height, device=h.device)[:, None] * padded.shape[-1]
    place = step + rows + torch.arange(width, device=h.device)
    chosen = padded.flatten(2).gather(2, place.flatten(2)).unflatten(2, (height, width))
    medians: Tensor = torch.where(value.isnan(), value, chosen)
    return medians


def _medians(padded: Tensor) -> Tensor:
    """Return the median of each 3 × 3 pixels, from the sorted columns that neighbours share."""
    rows = padded.shape[-2] - SIDE + 1
    columns = _sorted(*(padded.narrow(-2, i, rows) for i in range(SIDE)))
    width = padded.shape[-1] - SIDE + 1
    low, middle, high = ([c.narrow(-1, i, width) for i in range(SIDE)] for c in columns)
    least_high = torch.minimum(torch.minimum(*high[:2]), high[2])
    most_low = torch.maximum(torch.maximum(*low[:2]), low[2])
    return _sorted(most_low, _sorted(*middle)[1], least_high)[1]


def _sorted(a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the smallest, the middle and the largest of three numbers, by element."""
    low, high = torch.minimum(a, b), torch.maximum(a, b)
    least, middle = torch.minimum(low, c), torch.maximum(low, c)
    return least, torch.minimum(middle, high), torch.maximum(middle, high)
