"""Directions of the samples' gradients, and how far they agree."""

import torch
from torch import Tensor


def unit_gradients(gradients: Tensor, floor: float) -> tuple[Tensor, Tensor]:
    """Return the directions of gradients, and the images where all gradients are long enough.

    Args:
        gradients: shape (sample, example, *image).
        floor: smallest length of a gradient that has a direction.

    Returns:
        Directions, shape (sample, example, dimension), and a mask, shape (example,). Where it is
        False the directions are those of the axes, different ones for different samples, without
        a derivative.
    """
    flat = gradients.flatten(2)
    kept = (flat.detach().norm(dim=-1) >= floor).all(0)
    axes = torch.eye(len(flat), flat.shape[-1], dtype=flat.dtype, device=flat.device)
    safe = torch.where(kept.unsqueeze(-1), flat, axes.unsqueeze(1))
    return torch.nn.functional.normalize(safe, dim=-1, eps=1e-30), kept


def mean_cosine(units: Tensor) -> Tensor:
    r"""Return the mean cosine of two different samples, shape (example,).

    With $r = \|\frac1n \sum_s u_s\|$ it is $(n r^2 - 1) / (n - 1)$, the unbiased estimate of
    $\|\mathbb E u\|^2$: 0 in the mean for uniform directions, where $r^2$ is 1/n.

    Args:
        units: shape (sample, example, dimension), two samples or more.

    Example:
        >>> mean_cosine(torch.eye(2).unsqueeze(1))
        tensor([0.])
    """
    number = len(units)
    return (number * units.mean(0).square().sum(-1) - 1) / (number - 1)


def cosines(units: Tensor) -> Tensor:
    """Return the cosines of all pairs of samples, shape (example, sample, sample).

    Args:
        units: shape (sample, example, dimension).
    """
    by_image = units.transpose(0, 1)
    with torch.autocast(units.device.type, enabled=False):  # of which log-determinants are taken
        return by_image @ by_image.mT
