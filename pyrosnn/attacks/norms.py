"""The norms that bound a perturbation, and the steepest direction within each."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pyrosnn.shapes import Images, PerImage

# The largest norm of all images, or of each.
Bound = float | PerImage


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


def total(v: Images) -> PerImage:
    """Return the sum of each image's absolute entries."""
    return v.flatten(1).abs().sum(1)


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
        dual: dual norm of each image: the rate at which a step of norm 1 raises a linear function
            with this gradient.
        steepest: direction of norm 1 with the largest inner product with a gradient.
        project: nearest perturbation with a norm of at most a bound, one for all images or one for
            each.
        draw: a perturbation drawn uniformly from the ball of a radius, by torch's generator.
        sparse: whether the steepest direction moves a single entry: one that stands at a clipping
            bound is then left out (``Problem.inward``).
    """

    measure: Callable[[Images], PerImage]
    dual: Callable[[Images], PerImage]
    steepest: Callable[[Images], Images]
    project: Callable[[Images, Bound], Images]
    draw: Callable[[Images, float], Images]
    sparse: bool = False


def _over_pixels(bound: Bound, like: Images) -> float | Tensor:
    """Return a bound that broadcasts over images."""
    return per_image(bound, like) if isinstance(bound, Tensor) else bound


def shrink(v: Images, bound: Bound) -> Images:
    """Scale each image down to a length of at most ``bound``."""
    longest = _over_pixels(bound, v)
    return torch.where(per_image(length(v), v) > longest, longest * unit(v), v)


def clamp(v: Images, bound: Bound) -> Images:
    """Clamp each entry to [-bound, bound]."""
    if isinstance(bound, Tensor):
        largest = per_image(bound, v)
        return torch.minimum(torch.maximum(v, -largest), largest)
    return v.clamp(-bound, bound)


def soft_threshold(v: Images, bound: Bound) -> Images:
    r"""Return the nearest image whose absolute entries sum to at most ``bound``.

    $\operatorname{sign}(v) \max(|v| - \theta, 0)$. θ follows from the sorted entries
    $u_1 \ge u_2 \ge \dots$: it is $(\sum_{i \le k} u_i - b) / k$ for the largest k with
    $u_k > \theta$.

    References:
        J. Duchi et al., Efficient projections onto the l1-ball, ICML 2008, figure 1.
    """
    flat = v.flatten(1)
    sums = flat.abs().sum(1, keepdim=True)
    allowed = bound.unsqueeze(1) if isinstance(bound, Tensor) else torch.full_like(sums, bound)
    ordered = flat.abs().sort(1, descending=True).values
    places = torch.arange(1, flat.shape[1] + 1, dtype=flat.dtype, device=flat.device)
    thresholds = (ordered.cumsum(1) - allowed) / places
    last = (ordered > thresholds).sum(1, keepdim=True).clamp(min=1)
    threshold = thresholds.gather(1, last - 1)
    inside = torch.where(sums > allowed, flat.sign() * (flat.abs() - threshold).clamp(min=0), flat)
    return inside.reshape(v.shape)


def largest_alone(v: Images) -> Images:
    """Return the sign of each image's largest absolute entry, and 0 for all others."""
    flat = v.flatten(1)
    place = flat.abs().argmax(1, keepdim=True)
    signs = flat.gather(1, place).sign()
    return torch.zeros_like(flat).scatter(1, place, signs).reshape(v.shape)


def draw_from_ball(like: Images, radius: float) -> Images:
    """Draw uniformly from the Euclidean ball: a direction, and a radius as r^(1/d)."""
    radii = torch.rand(len(like), dtype=like.dtype, device=like.device)
    return unit(torch.randn_like(like)) * per_image(radius * radii ** (1 / like[0].numel()), like)


def draw_from_cube(like: Images, radius: float) -> Images:
    """Draw each entry uniformly from [-radius, radius]."""
    return radius * (2 * torch.rand_like(like) - 1)


def draw_from_cross_polytope(like: Images, radius: float) -> Images:
    """Draw uniformly from the ball of ℓ1: shares of d + 1 exponential variables, the last left out.

    The first d shares are uniform on the simplex and all below it; signs are random.
    """
    flat = like.flatten(1)
    parts = torch.empty_like(flat).exponential_()
    rest = torch.empty_like(flat[:, :1]).exponential_()
    signs = 2 * torch.randint_like(flat, 2) - 1
    return (radius * signs * parts / (parts.sum(1, keepdim=True) + rest)).reshape(like.shape)


NORMS = {
    "l2": Norm(measure=length, dual=length, steepest=unit, project=shrink, draw=draw_from_ball),
    "linf": Norm(
        measure=largest_entry,
        dual=total,
        steepest=torch.sign,
        project=clamp,
        draw=draw_from_cube,
    ),
    "l1": Norm(
        measure=total,
        dual=largest_entry,
        steepest=largest_alone,
        project=soft_threshold,
        draw=draw_from_cross_polytope,
        sparse=True,
    ),
}
