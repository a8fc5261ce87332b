"""The norms that bound a perturbation, and the steepest direction within each."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pyrosnn.shapes import Images, PerImage


def per_image(values: Tensor, like: Tensor) -> Tensor:
    """Reshape one value per image to broadcast over images."""
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
        project: nearest perturbation with a norm of at most a bound.
        draw: a perturbation drawn uniformly from the ball of a radius, by torch's generator.
    """

    measure: Callable[[Images], PerImage]
    steepest: Callable[[Images], Images]
    project: Callable[[Images, float], Images]
    draw: Callable[[Images, float], Images]


def shrink(v: Images, bound: float) -> Images:
    """Scale each image down to a length of at most ``bound``."""
    lengths = length(v)
    return torch.where(per_image(lengths > bound, v), bound * unit(v), v)


def clamp(v: Images, bound: float) -> Images:
    """Clamp each entry to [-bound, bound]."""
    return v.clamp(-bound, bound)


def draw_from_ball(like: Images, radius: float) -> Images:
    """Draw uniformly from the Euclidean ball: a direction, and a radius as r^(1/d)."""
    radii = torch.rand(len(like), dtype=like.dtype, device=like.device)
    return unit(torch.randn_like(like)) * per_image(radius * radii ** (1 / like[0].numel()), like)


def draw_from_cube(like: Images, radius: float) -> Images:
    """Draw each entry uniformly from [-radius, radius]."""
    return radius * (2 * torch.rand_like(like) - 1)


NORMS = {
    "l2": Norm(measure=length, steepest=unit, project=shrink, draw=draw_from_ball),
    "linf": Norm(measure=largest_entry, steepest=torch.sign, project=clamp, draw=draw_from_cube),
}
