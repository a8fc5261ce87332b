"""The sets that values of a network lie in: ellipsoids along the axes, and boxes."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pyrosnn.data.bounds import Bounds
from pyrosnn.errors import require

# The norms whose balls are known, and the power of their dual norm: |w|₁ for ℓ∞, |w|₂ for ℓ2.
BALLS = {"linf": 1, "l2": 2}


@dataclass(frozen=True)
class Region:
    r"""The values $c + d \circ e$ with $\|e\| \le 1$; all tensors have axes (sample, example, …).

    Attributes:
        centre: c, shape (sample or 1, example, *features).
        axes: d >= 0, broadcasts to c.
        power: 1 for $\ell_\infty$, a box; 2 for $\ell_2$, an ellipsoid: that of the dual norm.
    """

    centre: Tensor
    axes: Tensor
    power: int = 1

    def minimum(self, rows: Tensor) -> Tensor:
        r"""Return the least values of linear functions, $\langle a, c \rangle - \|a \circ d\|_*$.

        Args:
            rows: a, shape (sample or 1, example or 1, row, *features).

        Returns:
            Shape (sample or 1, example or 1, row).
        """
        middle = inner(rows, self.centre)
        reach = inner(rows.abs() if self.power == 1 else rows.square(), self.axes**self.power)
        return middle - (reach if self.power == 1 else reach.sqrt())


def inner(rows: Tensor, values: Tensor) -> Tensor:
    """Return ⟨a, v⟩ for each row.

    Args:
        rows: a, shape (sample or 1, example or 1, row, *features).
        values: v, shape (sample or 1, example or 1, *features).
    """
    rows, column = rows.flatten(3), values.flatten(2).unsqueeze(-1)
    if values.shape[1] == 1 and len(values) in (1, len(rows)):  # one product for all images
        flat = rows.flatten(1, 2) @ column[:, 0]
        products: Tensor = flat.squeeze(-1).unflatten(1, rows.shape[1:3])
        return products
    return (rows @ column).squeeze(-1)


def box(lower: Tensor, upper: Tensor) -> Region:
    """Return the region between two bounds.

    Example:
        >>> box(torch.tensor([0.0, 2.0]), torch.tensor([1.0, 2.0])).centre
        tensor([0.5000, 2.0000])
    """
    return Region((lower + upper) / 2, (upper - lower) / 2)


def bounds(regions: list[Region]) -> tuple[Tensor, Tensor]:
    """Return lower and upper bounds of each number in an intersection of regions."""
    lower = [region.centre - region.axes for region in regions]
    upper = [region.centre + region.axes for region in regions]
    if len(regions) == 1:
        return lower[0], upper[0]
    low = torch.stack(torch.broadcast_tensors(*lower)).amax(0)
    # rounding must not turn an interval around
    return low, torch.maximum(low, torch.stack(torch.broadcast_tensors(*upper)).amin(0))


def ball(x: Tensor, norm: str, strength: float, clip: Bounds | None = None) -> list[Region]:
    r"""Return the images at most η away, as an intersection of regions.

    Within bounds the ℓ∞ ball is a box again; the ℓ2 ball is met with the box of both.

    Args:
        x: images, shape (example, *image).
        norm: ``l2`` or ``linf``.
        strength: η >= 0.
        clip: smallest and largest pixel of x + δ; None for no bounds.

    Raises:
        ArgumentError: for another norm, or a negative strength.

    Example:
        >>> (region,) = ball(torch.zeros(1, 2), "l2", 5.0)
        >>> region.minimum(torch.tensor([[[[3.0, 4.0]]]]))  # - η ‖a‖₂
        tensor([[[-25.]]])
    """
    require(norm in BALLS, f"bounds are known for the norms {', '.join(BALLS)}, got '{norm}'")
    require(strength >= 0, f"strength must be >= 0, got {strength}")
    centre = x.unsqueeze(0)
    free = Region(centre, torch.full_like(centre[:, :1], strength), BALLS[norm])
    if clip is None:
        return [free]
    within = box((centre - strength).clamp(*clip), (centre + strength).clamp(*clip))
    return [within] if free.power == 1 else [free, within]
