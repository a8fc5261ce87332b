"""Normalisation as the first layer of a network, so that attacks see pixels."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, fx
from torch.nn import Module

from pyrosnn.errors import ArgumentError, brief, require
from pyrosnn.networks.pixels import normalised

fx.wrap("normalised")  # a trace keeps it whole, and its bounds are known

Numbers = float | int | Sequence[float | int] | Tensor


class Normalized(Module):
    r"""A module behind a normalisation: $\text{module}((x - \text{mean}) / \text{std})$.

    Attacks, bounds and strengths are about pixels, so a network that was trained on standardised
    images takes its normalisation along. Any adapter takes the whole as its module.

    Args:
        module: takes normalised images.
        mean: one number for each channel (each entry, where images are vectors), or one for all.
        std: likewise, above 0.

    Raises:
        ArgumentError: for what is no module, other lengths of mean and std, or values that are
            not finite; when called, for images of another number of channels.

    Example:
        >>> net = Normalized(torch.nn.Flatten(), mean=(0.5, 0.4, 0.3), std=(0.2, 0.2, 0.1))
        >>> net(torch.full((1, 3, 1, 1), 0.6)).round(decimals=4)
        tensor([[0.5000, 1.0000, 3.0000]])
    """

    mean: Tensor
    std: Tensor

    def __init__(self, module: Module, mean: Numbers, std: Numbers):
        super().__init__()
        require(
            isinstance(module, Module), f"module must be a torch.nn.Module, got {brief(module)}"
        )
        centre, scale = _numbers("mean", mean), _numbers("std", std)
        require(
            len(centre) == len(scale),
            f"mean has {len(centre)} values, std has {len(scale)}; expected one for each channel",
        )
        require(bool((scale > 0).all()), f"std must be > 0, got {scale.tolist()}")
        self.module = module
        self.register_buffer("mean", centre)
        self.register_buffer("std", scale)

    def forward(self, x: Any) -> Any:  # a tensor, or its place in a trace
        """Return the module's outputs for images, shape (example, channel, *size)."""
        return self.module(normalised(x, self.mean, self.std))

    def extra_repr(self) -> str:
        """Return mean and std, which print with the module."""
        return f"mean={self.mean.tolist()}, std={self.std.tolist()}"


def _numbers(name: str, values: Any) -> Tensor:
    try:
        numbers = torch.as_tensor(values, dtype=torch.get_default_dtype()).detach().clone()
    except (TypeError, ValueError, RuntimeError):
        raise ArgumentError(f"{name} must be numbers, got {brief(values)}") from None
    require(
        numbers.ndim <= 1 and numbers.numel() > 0 and bool(numbers.isfinite().all()),
        f"{name} must be one finite number for each channel, got {brief(values)}",
    )
    return numbers.reshape(-1)
