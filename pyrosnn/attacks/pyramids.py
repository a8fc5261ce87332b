"""Square search in ℓ2 and ℓ1: pyramids, a bump up and a bump down, take mass from elsewhere."""

from functools import cache

import torch
from torch import Tensor

from pyrosnn.attacks.square_windows import Planes, Windows, draw_signs, odd, sides

SMALLEST = 1e-12  # no smaller norm divides
CANCELLED = 1e-4  # a norm that is rounding: of two opposite forms of norm 1


def bump(height: int, width: int) -> Tensor:
    r"""Return a bump of height $\sum_{k \ge r} (k + 1)^{-2}$ at distance r from the middle.

    Example:
        >>> bump(1, 3).tolist()
        [[0.25, 1.25, 0.25]]
    """
    rows = (torch.arange(height) - height // 2).abs().unsqueeze(1)
    columns = (torch.arange(width) - width // 2).abs()
    rings = max(height, width) // 2 + 1
    heights = (torch.arange(1, rings + 1).double() ** -2).flip(0).cumsum(0).flip(0)
    return heights[torch.maximum(rows, columns)]


@cache
def pyramids(height: int, width: int, order: float) -> tuple[Tensor, Tensor]:
    """Return a bump above its negative, and a bump beside it, each of norm 1, in float64.

    A window of a single row or column has them along it in either case.

    Args:
        height: of the window.
        width: of the window.
        order: of the norm, 2 or 1.

    Example:
        >>> above, beside = pyramids(4, 6, 2.0)
        >>> above.shape, round(float(above.norm()), 6), bool(torch.equal(above[2:], -above[:2]))
        (torch.Size([4, 6]), 1.0, True)
    """
    above, beside = _pair(height, width, order), _pair(width, height, order).T
    return (beside if height == 1 else above), (above if width == 1 else beside)


def _pair(height: int, width: int, order: float) -> Tensor:
    """Return a bump above its negative, both of the same norm, together of norm 1."""
    halves = [bump(height // 2, width), -bump(height - height // 2, width)]
    both = torch.cat([half / torch.linalg.vector_norm(half, order) for half in halves])
    unit: Tensor = both / torch.linalg.vector_norm(both, order)
    return unit


def _drawn(planes: Planes, height: int, width: int, order: float) -> Tensor:
    """Return a pyramid for each channel, of an image's direction and each channel's sign."""
    above, beside = (one.to(planes) for one in pyramids(height, width, order))
    upright = torch.randint(0, 2, (len(planes), 1, 1, 1), device=planes.device).bool()
    signs = draw_signs(len(planes), planes.shape[1], 1, 1, like=planes)
    return signs * torch.where(upright, above, beside)


def _mass(planes: Tensor, order: float) -> Tensor:
    """Return the norm of each channel, shape (example, channel, 1, 1)."""
    norm: Tensor = torch.linalg.vector_norm(planes, order, dim=(-2, -1), keepdim=True)
    return norm


def tiles(planes: Planes, strength: float, *, order: float) -> Planes:
    """Return δ of pyramids side by side, five by five of them in a square image.

    Args:
        planes: images, shape (example, channel, height, width).
        strength: η.
        order: of the norm, 2 or 1.
    """
    delta = torch.zeros_like(planes)
    (top, height), (left, width) = (
        ((side % tile) // 2, tile) for side in planes.shape[-2:] for tile in [max(1, side // 5)]
    )
    for row in range(top, planes.shape[-2] - height + 1, height):
        for column in range(left, planes.shape[-1] - width + 1, width):
            place = (..., slice(row, row + height), slice(column, column + width))
            delta[place] = _drawn(planes, height, width, order)
    return _of_norm(delta, strength, order)


def moved_mass(delta: Planes, strength: float, share: float, *, order: float) -> Planes:
    """Return δ with a pyramid added in one window, made of its mass and of another window's.

    Args:
        delta: δ, shape (example, channel, height, width).
        strength: η.
        share: of the pixels that the window has.
        order: of the norm, 2 or 1.
    """
    channels, *size = delta.shape[1:]
    height, width = map(odd, sides(share * size[0] * size[1], *size), size)
    window, other = (Windows.draw(delta, height, width) for _ in range(2))
    own, left = window.of(delta), delta.clone()
    window.put(left, 0.0)
    other.put(left, 0.0)
    taken = _mass(delta, order) ** order - _mass(left, order) ** order
    unused = strength**order - (_mass(delta, order) ** order).sum(1, keepdim=True)
    mass = (taken.clamp(min=0) + unused.clamp(min=0) / channels) ** (1 / order)
    drawn = _drawn(delta, height, width, order)
    form = drawn + own / _mass(own, order).clamp(min=SMALLEST)
    form = torch.where(_mass(form, order) > CANCELLED, form, drawn)  # what is opposite turns over
    window.put(left, mass * form / _mass(form, order))
    return _of_norm(left, strength, order)


def _of_norm(delta: Planes, strength: float, order: float) -> Planes:
    """Return δ scaled to the norm η."""
    norm: Tensor = torch.linalg.vector_norm(delta, order, dim=(1, 2, 3), keepdim=True)
    return delta * (strength / norm.clamp(min=SMALLEST))
