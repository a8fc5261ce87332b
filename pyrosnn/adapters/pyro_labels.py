"""The labels of a Pyro model: sites over classes, and their logits."""

from collections.abc import Mapping
from typing import Any

import torch
from pyro.distributions import (
    Bernoulli,
    Binomial,
    Categorical,
    Independent,
    MaskedDistribution,
    Multinomial,
    OneHotCategorical,
)
from torch import Tensor

from pyrosnn.errors import ArgumentError

LABELS = (Categorical, OneHotCategorical, Multinomial)
TWO_CLASSES = (Bernoulli, Binomial)  # class 1 has the logit z, class 0 the logit 0


def without_wrappers(distribution: Any) -> Any:
    """Return the distribution that ``to_event`` and ``mask`` wrap."""
    while isinstance(distribution, Independent | MaskedDistribution):
        distribution = distribution.base_dist
    return distribution


def is_label(distribution: Any, number: int) -> bool:
    """Return whether a distribution is over the classes of images.

    Args:
        distribution: of a site.
        number: how many images the program was called with.
    """
    base = without_wrappers(distribution)
    if isinstance(base, TWO_CLASSES):
        return tuple(distribution.shape()) in ((number,), (number, 1))
    return isinstance(base, LABELS)


def zeros(distribution: Any) -> Tensor:
    """Return zeros in the shape of a distribution's values: class 0 of a label."""
    dtype = torch.long if isinstance(without_wrappers(distribution), Categorical) else None
    return torch.zeros(distribution.shape(), dtype=dtype)


def logits_at(name: str, met: Mapping[str, tuple[Any, Tensor]]) -> Tensor:
    """Return the logits of a label's site, or the value of a deterministic site.

    Args:
        name: the site.
        met: distributions and values by site.

    Raises:
        ArgumentError: if there is no such site, or it is of another distribution.
    """
    if name not in met:
        raise ArgumentError(f"the model has no site '{name}'; it has {', '.join(met)}")
    distribution, value = met[name]
    base = without_wrappers(distribution)
    if isinstance(base, LABELS):
        logits: Tensor = base.logits
        return logits
    if isinstance(base, TWO_CLASSES):
        return _of_two_classes(name, base.logits)
    if value.is_floating_point():
        return value
    raise ArgumentError(
        f"site '{name}' is a {type(base).__name__}, expected a Categorical, OneHotCategorical or "
        "Bernoulli, or pyro.deterministic with the logits"
    )


def _of_two_classes(name: str, z: Tensor) -> Tensor:
    """Return the logits 0 and z of the classes 0 and 1.

    Args:
        name: the site.
        z: shape (example,) or (example, 1).

    Raises:
        ArgumentError: for several labels of an image.
    """
    z = z.squeeze(-1) if z.ndim == 2 and z.shape[-1] == 1 else z
    if z.ndim != 1:
        raise ArgumentError(
            f"site '{name}' has the shape {tuple(z.shape)}, expected one Bernoulli label of each "
            "image, shape (example,); several labels of an image are no classes"
        )
    return torch.stack([torch.zeros_like(z), z], dim=-1)
