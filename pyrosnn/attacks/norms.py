"""The norms that bound a perturbation, and the steepest direction within each."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

Images = Float[Tensor, "example *image"]
PerImage = Float[Tensor, " example"]


def per_image(values: Tensor, like: Tensor) -> Tensor:
    """Reshape one value an image so that it multiplies images."""
    return values.reshape(-1, *[1] * (like.ndim - 1))


def length(v: Images) -> PerImage:
    """Return each image's Euclidean length; no square underflows or overflows."""
    flat = v.flatten(1)
    largest = flat.abs().amax(1)
    safe = torch.where(largest > 0, largest, torch.ones_like(largest))
    return largest * (flat / safe.unsqueeze(1)).square().sum(1).sqrt()


def largest_entry(v: Images) -> PerImage:
    """Return each image's largest absolute entry."""
    return v.flatten(1).abs().amax(1)


def unit(v: Images) -> Images:
    """Return v / ‖v‖₂ for each image; zero stays zero."""
    lengths = length(v)
    safe = torch.where(lengths > 0, lengths, torch.ones_like(lengths))
    return v / per_image(safe, v)


@dataclass(frozen=True)
class Norm:
    """A norm on images.

    Attributes:
        measure: norm of each image.
        steepest: direction of norm 1 with the largest inner product with a gradient.
    """

    measure: Callable[[Images], PerImage]
    steepest: Callable[[Images], Images]


NORMS = {
    "l2": Norm(measure=length, steepest=unit),
    "linf": Norm(measure=largest_entry, steepest=torch.sign),
}
