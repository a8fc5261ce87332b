"""Pairs of the different samples of a step, such as the members of an ensemble."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pyrosnn.errors import require

if TYPE_CHECKING:
    from pyrosnn.training.spec import TrainingSpec

SHORTEST = 1e-12  # of a gradient that has a direction; squares of far shorter ones underflow


def require_pairs(name: str, spec: "TrainingSpec") -> None:
    """Refuse settings without two different samples in a step.

    Args:
        name: of the regulariser.
        spec: settings of the training.

    Raises:
        ArgumentError: for a single particle, and for more particles than members.
    """
    number = spec.num_particles
    require(
        number >= 2,
        f"{name} compares different samples, as the members of an ensemble: num_particles must be "
        f">= 2, got {number}",
    )
    members = spec.options.get("members", number)
    require(
        number <= members,
        f"{name} compares each member once: num_particles must be <= {members}, the number of "
        f"members, got {number}",
    )


def pairs(number: int) -> tuple[Tensor, Tensor]:
    """Return both indices of all pairs of different samples.

    Example:
        >>> [index.tolist() for index in pairs(3)]
        [[0, 0, 1], [1, 2, 2]]
    """
    first, second = torch.triu_indices(number, number, 1)
    return first, second


def of_pairs(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the values of both samples of all pairs, shape (pair, …)."""
    first, second = pairs(len(values))
    return values[first.to(values.device)], values[second.to(values.device)]


def pair_cosines(gradients: Tensor) -> Tensor:
    """Return the cosine of the gradients of each pair of samples, shape (pair, example).

    Args:
        gradients: shape (sample, example, *image). The cosine of one shorter than ``SHORTEST``
            is 0, without a derivative.

    Example:
        >>> pair_cosines(torch.eye(3).unsqueeze(1)).flatten()
        tensor([0., 0., 0.])
    """
    flat = gradients.flatten(2)
    long = flat.detach().norm(dim=-1, keepdim=True) >= SHORTEST
    units = torch.nn.functional.normalize(torch.where(long, flat, 0.0), dim=-1, eps=1e-30)
    first, second = of_pairs(units)
    return (first * second).sum(-1)
