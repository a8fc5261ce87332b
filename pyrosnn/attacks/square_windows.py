"""Windows of images, at a place of each image's own: what Square search moves."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pyrosnn.shapes import Images

Planes = Float[Tensor, "example channel height width"]


def planes_of(x: Images) -> Planes:
    """Return images with the axes (example, channel, height, width), without a copy.

    A vector is one row, and a plane one channel; all axes before the last two are channels.

    Example:
        >>> planes_of(torch.zeros(4, 64)).shape, planes_of(torch.zeros(4, 2, 3, 5, 7)).shape
        (torch.Size([4, 1, 1, 64]), torch.Size([4, 6, 5, 7]))
    """
    rows = x if x.ndim > 2 else x.unsqueeze(1)
    return rows.reshape(len(x), -1, *rows.shape[-2:])


def sides(area: float, height: int, width: int) -> tuple[int, int]:
    """Return height and width of a window of about the given area: a square where it fits.

    Example:
        >>> sides(16.0, 8, 8), sides(16.0, 2, 30), sides(32.0, 1, 64), sides(0.3, 8, 8)
        ((4, 4), (2, 8), (1, 32), (1, 1))
    """
    side = max(1, round(area**0.5))
    if side > height:
        return height, min(width, max(1, round(area / height)))
    if side > width:
        return min(height, max(1, round(area / width))), width
    return side, side


def odd(side: int, largest: int) -> int:
    """Return the next odd side, at least 3, as far as it fits.

    Example:
        >>> odd(2, 8), odd(6, 8), odd(8, 8), odd(1, 1)
        (3, 7, 8, 1)
    """
    return min(max(side | 1, 3), largest)


@dataclass(frozen=True)
class Windows:
    """A window of each image, of one size, at places that are drawn for each image.

    Attributes:
        rows: rows of each window, shape (example, height).
        columns: columns of each window, shape (example, width).
    """

    rows: Tensor
    columns: Tensor

    @classmethod
    def draw(cls, planes: Planes, height: int, width: int) -> "Windows":
        """Draw the places uniformly, by torch's generator.

        Args:
            planes: images, shape (example, channel, height, width).
            height: of the windows.
            width: of the windows.
        """
        number, _, *size = planes.shape
        places = []
        for side, whole in zip((height, width), size, strict=True):
            first = torch.randint(whole - side + 1, (number, 1), device=planes.device)
            places.append(first + torch.arange(side, device=planes.device))
        return cls(*places)

    @property
    def index(self) -> tuple[Tensor, slice, Tensor, Tensor]:
        """The index of the windows' pixels; what it gives has the shape (example, row, column, …).

        As in numpy, the axis of channels comes last.
        """
        examples = torch.arange(len(self.rows), device=self.rows.device)
        return (
            examples[:, None, None],
            slice(None),
            self.rows[:, :, None],
            self.columns[:, None, :],
        )

    def of(self, planes: Planes) -> Tensor:
        """Return the windows of images, shape (example, channel, row, column)."""
        return planes[self.index].movedim(-1, 1)

    def put(self, planes: Planes, values: Tensor | float) -> None:
        """Write into the windows of images, in place.

        Args:
            planes: images, shape (example, channel, height, width).
            values: a number, or of shape (example, channel, row or 1, column or 1).
        """
        planes[self.index] = values.movedim(1, -1) if isinstance(values, Tensor) else values


def draw_signs(*shape: int, like: Tensor) -> Tensor:
    """Draw ±1 by torch's generator, of the type and on the device of a tensor."""
    bits = torch.randint(0, 2, shape, device=like.device)
    return (2 * bits - 1).to(like.dtype)
