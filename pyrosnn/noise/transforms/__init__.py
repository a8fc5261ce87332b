"""Random changes of an image as functions of uniform numbers: a row in ``TRANSFORMS`` for each.

A transform gets images, shape (image, channel, height, width), with pixels in [0, 1]; ``NUMBERS``
uniform numbers for each image; and ``FIELDS`` uniform numbers for each pixel. Its values depend on
nothing else. Sizes that the source gives for 256 pixels scale with the side of the image.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from pyrosnn.noise.transforms.colours import mix_channels, shift_colours
from pyrosnn.noise.transforms.filters import blur, low_pass, smooth
from pyrosnn.noise.transforms.median import find_median
from pyrosnn.noise.transforms.pixels import add_noise, flip_pixels, round_values, stretch_contrast
from pyrosnn.noise.transforms.warps import swirl, zoom

NUMBERS = 4
FIELDS = 2

# (images, numbers, fields) to images: shapes (image, channel, height, width), (image, NUMBERS),
# and (image, FIELDS, channel, height, width)
Change = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Transform:
    """A random change of an image.

    Attributes:
        change: the function.
        smooth: whether its derivative at the image is that of its values. Where it is not, values
            are rounded, and the gradient is that of the image as it was.
        needs_fields: whether it uses numbers for each pixel; one that does not gets those of no
            image.
        needs_colours: whether it is for images of three channels alone.
    """

    change: Change
    smooth: bool = True
    needs_fields: bool = False
    needs_colours: bool = False


TRANSFORMS: dict[str, Transform] = {
    "precision": Transform(change=round_values, smooth=False),
    "noise": Transform(change=add_noise, needs_fields=True),
    "salt-and-pepper": Transform(change=flip_pixels, needs_fields=True),
    "contrast": Transform(change=stretch_contrast),
    "swirl": Transform(change=swirl),
    "zoom": Transform(change=zoom),
    "low-pass": Transform(change=low_pass),
    "blur": Transform(change=blur),
    "mean": Transform(change=smooth),
    "median": Transform(change=find_median),
    "grey": Transform(change=mix_channels, needs_colours=True),
    "colour-shift": Transform(change=shift_colours, needs_colours=True),
}


def transforms_for(channels: int) -> list[Transform]:
    """Return the transforms of images with so many channels, in the order of the table."""
    return [one for one in TRANSFORMS.values() if channels == 3 or not one.needs_colours]
