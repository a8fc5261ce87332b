"""Pooling windows of images, as torch's own modules do it."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pyrosnn.networks.operation import Operation


@dataclass(frozen=True)
class MaxPooled(Operation):
    """The largest number of each window.

    Attributes:
        window: arguments of ``torch.nn.functional.max_pool2d``.
    """

    window: dict[str, Any]
    affine = False
    monotone = True

    def value(self, *inputs: Tensor) -> Tensor:
        """Return the maxima."""
        return self.largest(inputs[0])[0]

    def largest(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return the maxima, and their places in the flattened plane."""
        flat, places = functional.max_pool2d(h.flatten(0, 1), **self.window, return_indices=True)
        return flat.unflatten(0, h.shape[:2]), places.unflatten(0, h.shape[:2])

    def second(self, h: Tensor, places: Tensor) -> Tensor:
        """Return the largest number of each window apart from that at a place.

        Args:
            h: shape (sample, example, channel, height, width).
            places: of each window, as :meth:`largest` gives them.
        """
        window = self.window
        kernel, stride, padding = (
            _pair(window[name]) for name in ("kernel_size", "stride", "padding")
        )
        pad = (padding[1], padding[1], padding[0], padding[0])

        def windows(values: Tensor, fill: float) -> Tensor:
            padded = functional.pad(values, pad, value=fill)
            rows = padded.unfold(-2, kernel[0], stride[0])
            return rows.unfold(-2, kernel[1], stride[1]).flatten(-2)

        height, width = h.shape[-2:]
        plane = torch.arange(height * width, device=h.device, dtype=h.dtype)
        there = windows(plane.reshape(height, width), -1.0) == places.unsqueeze(-1)
        others = windows(h, -torch.inf).masked_fill(there, -torch.inf)
        return others.amax(-1)

    def jvp(self, residual: Tensor | None, *steps: Tensor) -> Tensor:
        """Raise: bounds need values alone."""
        raise NotImplementedError

    def vjp(
        self, residual: Tensor | None, cotangent: Tensor, shared: tuple[bool, ...]
    ) -> tuple[Tensor, ...]:
        """Raise: bounds need values alone."""
        raise NotImplementedError


@dataclass(frozen=True)
class AveragePooled(Operation):
    """The mean of each window.

    Attributes:
        window: arguments of ``torch.nn.functional.avg_pool2d``.
        size: shape of one image's features.
    """

    window: dict[str, Any]
    size: tuple[int, ...]

    def value(self, *inputs: Tensor) -> Tensor:
        """Return the means."""
        h = inputs[0]
        means = functional.avg_pool2d(h.flatten(0, 1), **self.window)
        pooled: Tensor = means.unflatten(0, h.shape[:2])
        return pooled

    def jvp(self, residual: Tensor | None, *steps: Tensor) -> Tensor:
        """Return the means of the step."""
        return self.value(*steps)

    def vjp(
        self, residual: Tensor | None, cotangent: Tensor, shared: tuple[bool, ...]
    ) -> tuple[Tensor, ...]:
        """Return shares of the cotangent."""
        h = cotangent.new_zeros(*cotangent.shape[:2], *self.size, requires_grad=True)
        with torch.enable_grad():
            means = self.value(h)
        return torch.autograd.grad(means, h, cotangent)

    def magnitude(self, power: int) -> "AveragePooled | None":
        """Return itself for intervals: its weights are positive."""
        return self if power == 1 else None


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value
