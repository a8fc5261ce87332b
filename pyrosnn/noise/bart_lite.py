"""`bart-lite`: several random transforms of the image, in random order."""

import math
from dataclasses import KW_ONLY, dataclass
from functools import partial
from typing import Annotated, Any

import torch
from annotated_types import Ge
from pyro.distributions import Uniform
from torch import Tensor

from pyrosnn.errors import require
from pyrosnn.networks.network import INPUT, Edits, Network, apply
from pyrosnn.noise.at_input import AtInput
from pyrosnn.noise.noise import Laws
from pyrosnn.noise.transforms import FIELDS, NUMBERS, Transform, transforms_for
from pyrosnn.shapes import Sites


class Numbers(Uniform):
    """Uniform numbers that stand for choices, so that there is nothing at their mean."""

    @property
    def mean(self) -> Tensor:
        """Raise an error: half-way between two transforms is none."""
        raise NotImplementedError


@dataclass(eq=False, repr=False)
class BartLite(AtInput):
    """BaRT-lite: k of 12 random transforms of each image, in random order.

    Each is drawn at most once, with parameters of its own, and pixels are clipped to [0, 1] after
    it: colour precision, Gaussian noise, salt and pepper, contrast, swirl, zoom, low-pass, Gaussian
    blur, mean filter, median filter, and for three channels mixing with grey and a shift of
    colours. All of them are functions of uniform numbers, which are the sample site, so that a
    sample can be replayed exactly, and torch differentiates them; only the rounding of precision
    has the gradient of the image as it was.

    The source has 25 transforms in 10 groups and draws one of a group. Its JPEG, seam carving,
    histograms, total variation, wavelets, non-local means, Poisson and speckle noise, bilateral
    filters and random masks of frequencies are left out.

    Attributes:
        num_transforms: number of transforms of an image, k; the source has 5.
        per_example: draw transforms for each image, instead of once for all.
        site: name of the sample site.

    References:
        E. Raff, J. Sylvester, S. Forsyth, M. McLean, Barrage of random transforms for
        adversarially robust defense, CVPR 2019. C. Sitawarin, Z. Golan-Strieb, D. Wagner,
        Demystifying the adversarial robustness of random transformation defenses, ICML 2022.
    """

    num_transforms: Annotated[int, Ge(1)] = 5
    per_example: bool = True
    _: KW_ONLY
    site: str = "transforms"

    def place(self, network: Network) -> None:
        """Check the shape of images, and the number of transforms.

        Raises:
            ArgumentError: naming what is wrong.
        """
        shape = self.image_shape
        require(
            len(shape) == 3 and min(shape[1:]) >= 3,
            f"bart-lite needs images of shape (channel, height, width), got {shape}",
        )
        number = len(self.transforms)
        require(
            self.num_transforms <= number,
            f"num_transforms must be <= {number}, the transforms of {shape[0]} channels, got "
            f"{self.num_transforms}",
        )

    @property
    def transforms(self) -> list[Transform]:
        """The transforms of images with these channels."""
        return transforms_for(self.image_shape[0])

    def posterior(self, network: Network, like: Tensor) -> Laws:
        """Return the distribution of the uniform numbers, which has no learned parameters."""
        number = len(self.transforms) * (1 + NUMBERS) + FIELDS * math.prod(self.image_shape)
        uniform: Any = Numbers  # untyped
        law = uniform(like.new_zeros(()), like.new_ones(()))
        return {self.site: law.expand((number,)).to_event(1)}

    def edits(self, network: Network, sites: Sites) -> Edits:
        """Return the transforms that the numbers stand for."""
        u = sites[self.site]
        return {
            INPUT: [
                apply(
                    partial(
                        transformed,
                        u=u,
                        transforms=self.transforms,
                        num_transforms=self.num_transforms,
                    ),
                    len(u),
                )
            ]
        }


def transformed(
    h: Tensor, *, u: Tensor, transforms: list[Transform], num_transforms: int
) -> Tensor:
    """Return images after the first transforms in the order of their numbers.

    Args:
        h: shape (sample or 1, example, channel, height, width).
        u: uniform numbers, shape (sample, example or 1, number): one for each transform, which
            says its place in the order; ``NUMBERS`` for each; ``FIELDS`` for each pixel.
        transforms: all of them.
        num_transforms: how many are applied.
    """
    lead = torch.broadcast_shapes(h.shape[:2], u.shape[:2])
    images = h.expand(*lead, *h.shape[2:]).flatten(0, 1)
    number = len(transforms)
    places, numbers, fields = u.to(h.dtype).split(
        [number, number * NUMBERS, u.shape[-1] - number * (1 + NUMBERS)], -1
    )
    order = places.argsort(-1)[..., :num_transforms].expand(*lead, -1).flatten(0, 1)
    own = numbers.unflatten(-1, (number, NUMBERS)).expand(*lead, -1, -1).flatten(0, 1)
    noise = fields.unflatten(-1, (FIELDS, *h.shape[2:])).expand(*lead, *[-1] * 4).flatten(0, 1)
    for chosen in order.unbind(-1):
        images = _one_each(images, chosen, own, noise, transforms)
    unfolded: Tensor = images.unflatten(0, lead)
    return unfolded


def _one_each(
    images: Tensor, chosen: Tensor, numbers: Tensor, fields: Tensor, transforms: list[Transform]
) -> Tensor:
    """Apply one transform to each image, all images of a transform together."""
    rows = chosen.argsort(stable=True)
    lengths = chosen.bincount(minlength=len(transforms)).tolist()
    own = numbers[rows, chosen[rows]]
    parts = zip(images[rows].split(lengths), own.split(lengths), rows.split(lengths), strict=True)
    changed = [
        one.change(h, u, fields[part if one.needs_fields else part[:0]]).clamp(0, 1)
        for one, (h, u, part) in zip(transforms, parts, strict=True)
        if len(part) > 0
    ]
    return torch.cat(changed)[rows.argsort()]
