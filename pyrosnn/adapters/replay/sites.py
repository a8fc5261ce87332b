"""A draw as a sample site: its axis of images, and the way between the two shapes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyro
import torch
from pyro.distributions import Bernoulli, Cauchy, Delta, Exponential, Normal, Uniform
from torch import Tensor

from pyrosnn.adapters.replay.draws import Draw
from pyrosnn.adapters.replay.operations import Shape
from pyrosnn.errors import ArgumentError

# The law of one number, of the images' type and on their device, by its name.
STANDARD: dict[str, Callable[[Tensor, float], Any]] = {
    "bernoulli": lambda x, p: Bernoulli(x.new_tensor(p)),
    "cauchy": lambda x, p: Cauchy(x.new_zeros(()), x.new_ones(())),
    "exponential": lambda x, p: Exponential(x.new_ones(())),
    "normal": lambda x, p: Normal(x.new_zeros(()), x.new_ones(())),
    "uniform": lambda x, p: Uniform(x.new_zeros(()), x.new_ones(())),
}


@dataclass(frozen=True, kw_only=True)
class DrawnSite:
    """A draw of every forward pass, as a site with values of shape (example or 1, *event).

    Attributes:
        name: the site's name: the draw's law and its number.
        draw: the draw, in a pass over two images.
        axis: the draw's axis of images, or None if all images share it.
        rows: how many rows of that axis belong to an image, above 1 where it is merged with
            another axis, such as patches.
        images_first: whether an image's rows are neighbours on a merged axis.
        event: shape of an image's value.
        per_image: whether every image has a value of its own.
    """

    name: str
    draw: Draw
    axis: int | None
    rows: int
    images_first: bool
    event: Shape
    per_image: bool

    def sample(self, x: Tensor, images: pyro.plate) -> Tensor:
        """Draw the site with ``pyro.sample``.

        Args:
            x: images; their number, type and device count.
            images: their plate.
        """
        law = self._law_of_operation(x) if self.draw.law.name == "other" else self._standard(x)
        if not self.per_image:
            return torch.as_tensor(pyro.sample(self.name, law))
        with images:
            return torch.as_tensor(pyro.sample(self.name, law))

    def _standard(self, x: Tensor) -> Any:
        one: Any = STANDARD[self.draw.law.name](x, self.draw.law.p)
        return one.expand(self.event).to_event(len(self.event))

    def _law_of_operation(self, x: Tensor) -> Any:
        """Let the operation draw, two images at a time: it has no law of ours."""
        again = self.draw.again
        assert again is not None  # of law other
        if self.axis is None:
            value = again()
            return Delta(value, event_dim=value.ndim)
        number = len(x) if self.per_image else 1
        drawn = [self._by_image(again()) for _ in range(-(-number // 2))]
        value = torch.cat(drawn)[:number]
        return Delta(value if self.per_image else value[0], event_dim=len(self.event))

    def _by_image(self, drawn: Tensor) -> Tensor:
        """Return a draw of a pass as values of images."""
        axis = self.axis
        assert axis is not None
        if self.rows > 1:
            apart = (-1, self.rows) if self.images_first else (self.rows, -1)
            drawn = drawn.unflatten(axis, apart)
            axis += not self.images_first
        return drawn.movedim(axis, 0)

    def in_a_pass(self, values: Tensor, number: int, lead: int = 0) -> Tensor:
        """Return values of the site as a forward pass draws them.

        Args:
            values: shape (*lead, example or 1, *event).
            number: of images in the pass.
            lead: how many axes come before that of the images.

        Returns:
            Shape (*lead, *draw).
        """
        if self.axis is None:
            return values.squeeze(lead)
        shape = (*values.shape[:lead], number, *values.shape[lead + 1 :])
        values, axis = values.expand(shape), self.axis + lead
        if self.rows == 1:
            return values.movedim(lead, axis)
        at = axis if self.images_first else axis + 1
        return values.movedim(lead, at).flatten(axis, axis + 1)


def as_sites(
    two: Sequence[Draw], three: Sequence[Draw], *, per_image: bool
) -> list[DrawnSite] | str:
    """Return the sites of the draws of passes over two and over three images.

    Args:
        two: draws of a pass over two images.
        three: the same for three.
        per_image: whether an image has a value of its own where it can.

    Returns:
        The sites, or why they are none.
    """
    if len(two) != len(three):
        return f"a pass draws {len(two)} times for 2 images and {len(three)} times for 3"
    sites = []
    for number, (draw, other) in enumerate(zip(two, three, strict=True)):
        if (draw.operation, draw.law, draw.place) != (other.operation, other.law, other.place):
            return f"it draws {draw} for 2 images where it draws {other} for 3"
        axes = _image_axis(draw.shape, other.shape)
        if axes is None:
            return (
                f"{draw} has shape {draw.shape} for 2 images and {other.shape} for 3: no axis of "
                "images"
            )
        axis, rows = axes
        if draw.operation == "randperm" and axis is not None:
            raise ArgumentError(
                "the module permutes the images of a batch, so that its outputs depend on the "
                "others; let it act on each image alone"
            )
        event = draw.shape
        if axis is not None:
            event = draw.shape[:axis] + ((rows,) if rows > 1 else ()) + draw.shape[axis + 1 :]
        sites.append(
            DrawnSite(
                name=f"{draw.law.name if draw.law.name != 'other' else draw.operation}_{number}",
                draw=draw,
                axis=axis,
                rows=rows,
                images_first=True,
                event=event,
                per_image=per_image and axis is not None,
            )
        )
    return sites


def images_last(sites: Sequence[DrawnSite]) -> list[DrawnSite]:
    """Return the sites with the other order on merged axes: an image's rows lie apart."""
    return [replace(site, images_first=False) for site in sites]


def _image_axis(two: Shape, three: Shape) -> tuple[int | None, int] | None:
    """Return the axis that grows with the images, and its rows per image; None if unclear.

    Example:
        >>> _image_axis((2, 5), (3, 5)), _image_axis((8, 5), (12, 5)), _image_axis((5,), (5,))
        ((0, 1), (0, 4), (None, 1))
    """
    if two == three:
        return None, 1
    if len(two) != len(three):
        return None
    grown = [axis for axis, (a, b) in enumerate(zip(two, three, strict=True)) if a != b]
    axis = grown[0]
    if len(grown) > 1 or two[axis] * 3 != three[axis] * 2:
        return None
    return axis, two[axis] // 2
