"""Batch norm with running statistics, and the centring of pixels: affine maps of channels."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import batch_norm

from pyrosnn.networks.convolution import fold, unfold
from pyrosnn.networks.layer import Layer, Shape
from pyrosnn.networks.operation import Operation


class Norm(torch.nn.BatchNorm2d, Layer):
    """Batch norm, whatever the mode of its module.

    It uses the batch's statistics, and moves the running ones towards them, where ``learn`` says
    so; else the running ones, so that images do not influence each other.

    Args:
        channels: of its input.
    """

    def operation(self, matrix: Tensor | None = None, *, learn: bool = False) -> Operation:
        """Return the normalization."""
        if learn:
            return _Learnt(self)
        assert self.running_mean is not None  # such a norm keeps statistics
        assert self.running_var is not None
        exact = torch.promote_types(self.weight.dtype, torch.float32)
        scale = self.weight.to(exact) * torch.rsqrt(self.running_var.to(exact) + self.eps)
        shift = self.bias.to(exact) - self.running_mean.to(exact) * scale
        dtype = self.weight.dtype
        return ChannelAffine(scale.to(dtype)[:, None, None], shift.to(dtype)[:, None, None])

    def shape(self, *inputs: Shape) -> Shape:
        """Return the shape of its input."""
        return inputs[0]


@dataclass(frozen=True)
class ChannelAffine(Operation):
    """a h + b with one a and one b for each channel.

    Attributes:
        scale: a, shape (channel, 1, 1).
        shift: b, the same.
    """

    scale: Tensor
    shift: Tensor
    diagonal = True

    def value(self, *inputs: Tensor) -> Tensor:
        """Return a h + b."""
        h = inputs[0]
        return torch.addcmul(self.shift.to(h.dtype), h, self.scale.to(h.dtype))

    def jvp(self, residual: Tensor | None, *steps: Tensor) -> Tensor:
        """Return a v."""
        return steps[0] * self.scale

    def vjp(
        self, residual: Tensor | None, cotangent: Tensor, shared: tuple[bool, ...]
    ) -> tuple[Tensor, ...]:
        """Return a u."""
        return (cotangent * self.scale,)

    def magnitude(self, power: int) -> Operation:
        """Return the product with the magnitudes of a."""
        return ChannelAffine(self.scale.abs() ** power, torch.zeros_like(self.shift))


@dataclass(frozen=True)
class _Learnt(Operation):
    """Batch norm during a training step, differentiated by torch only."""

    norm: Norm
    affine = False

    def value(self, *inputs: Tensor) -> Tensor:
        norm, h = self.norm, inputs[0]
        momentum = 0.1 if norm.momentum is None else norm.momentum
        statistics = norm.running_mean, norm.running_var
        return unfold(
            batch_norm(fold(h), *statistics, norm.weight, norm.bias, True, momentum, norm.eps), h
        )

    def jvp(self, residual: Tensor | None, *steps: Tensor) -> Tensor:
        raise NotImplementedError

    def vjp(
        self, residual: Tensor | None, cotangent: Tensor, shared: tuple[bool, ...]
    ) -> tuple[Tensor, ...]:
        raise NotImplementedError


class Centre(torch.nn.Module, Layer):
    """The centring of pixels of [0, 1] within the network; strengths stay in pixel units.

    Args:
        middle: the pixel that becomes 0.
        spread: the distance from it that becomes 1.
    """

    def __init__(self, middle: float = 0.5, spread: float = 0.25):
        super().__init__()
        self.middle, self.spread = middle, spread

    def operation(self, matrix: Tensor | None = None, *, learn: bool = False) -> Operation:
        """Return the centring."""
        return _Centred(self.middle, self.spread)

    def shape(self, *inputs: Shape) -> Shape:
        """Return the shape of its input."""
        return inputs[0]


@dataclass(frozen=True)
class _Centred(Operation):
    middle: float
    spread: float
    diagonal = True

    def value(self, *inputs: Tensor) -> Tensor:
        return (inputs[0] - self.middle) / self.spread

    def jvp(self, residual: Tensor | None, *steps: Tensor) -> Tensor:
        return steps[0] / self.spread

    def vjp(
        self, residual: Tensor | None, cotangent: Tensor, shared: tuple[bool, ...]
    ) -> tuple[Tensor, ...]:
        return (cotangent / self.spread,)

    def magnitude(self, power: int) -> Operation:
        return _Centred(0.0, abs(self.spread) ** power)
