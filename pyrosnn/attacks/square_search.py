"""The moves of Square search in each norm: its first δ, and a change of a δ in a window."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pyrosnn.attacks.pyramids import moved_mass, tiles
from pyrosnn.attacks.square_windows import Planes, Windows, draw_signs, sides


@dataclass(frozen=True, kw_only=True)
class Search:
    """A random search in one norm; both moves draw by torch's generator, for each image apart.

    Attributes:
        begin: (images, η) to the first δ.
        change: (δ, η, share of the pixels) to another δ.
    """

    begin: Callable[[Planes, float], Planes]
    change: Callable[[Planes, float, float], Planes]


def stripes(planes: Planes, strength: float) -> Planes:
    """Return δ = ±η, one sign for each column and channel.

    Args:
        planes: images, shape (example, channel, height, width).
        strength: η.
    """
    number, channels, _, width = planes.shape
    return strength * draw_signs(number, channels, 1, width, like=planes).expand_as(planes)


def changed_square(delta: Planes, strength: float, share: float) -> Planes:
    """Return δ with ±η in a square, one sign for each channel.

    Args:
        delta: δ, shape (example, channel, height, width).
        strength: η.
        share: of the pixels that the square has.
    """
    number, channels, height, width = delta.shape
    window = Windows.draw(delta, *sides(share * height * width, height, width))
    changed = delta.clone()
    window.put(changed, strength * draw_signs(number, channels, 1, 1, like=delta))
    return changed


SEARCHES = {
    "linf": Search(begin=stripes, change=changed_square),
    "l2": Search(begin=partial(tiles, order=2.0), change=partial(moved_mass, order=2.0)),
    "l1": Search(begin=partial(tiles, order=1.0), change=partial(moved_mass, order=1.0)),
}
