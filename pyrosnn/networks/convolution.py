"""Convolutions whose weights are shared by all samples or differ between them."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pyrosnn.errors import require
from pyrosnn.networks.layer import Layer, Shape
from pyrosnn.networks.operation import Operation


class Convolution(torch.nn.Conv2d, Layer):
    """A two-dimensional convolution, padded with zeros.

    Args:
        inputs: number of input channels.
        outputs: channels that it returns.
        size: of the kernel.
        stride: between positions.
        padding: zeros on each side; None keeps the size where the stride is 1.
        bias: whether it has one.
    """

    size: Shape

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        *,
        stride: int = 1,
        padding: int | None = None,
        bias: bool = True,
    ):
        around = size // 2 if padding is None else padding
        super().__init__(inputs, outputs, size, stride=stride, padding=around, bias=bias)
        self.has_bias = bias
        torch.nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")
        if self.bias is not None:
            torch.nn.init.zeros_(self.bias)

    def matrix(self) -> Tensor:
        """Return the kernels, shape (channel · height · width [+ 1], output)."""
        kernels = self.weight.flatten(1).T
        return kernels if self.bias is None else torch.cat([kernels, self.bias[None]])

    def operation(self, matrix: Tensor | None = None, *, learn: bool = False) -> Operation:
        """Return the convolution."""
        geometry = self.stride[0], int(self.padding[0]), self.size
        if matrix is None:
            bias = None if self.bias is None else self.bias.unsqueeze(0)
            return Convolved(self.weight.unsqueeze(0), bias, *geometry)
        kernels, bias = matrix, None
        if self.bias is not None:
            kernels, bias = matrix[..., :-1, :], matrix[..., -1, :]
        return Convolved(kernels.mT.unflatten(-1, self.weight.shape[1:]), bias, *geometry)

    def shape(self, *inputs: Shape) -> Shape:
        """Return (channel, height, width)."""
        channels, *size = inputs[0]
        require(
            channels == self.in_channels,
            f"a convolution of {self.in_channels} channels got {channels}",
        )
        self.size = tuple(size)
        kernel, stride, padding = self.kernel_size[0], self.stride[0], int(self.padding[0])
        return (self.out_channels, *((n + 2 * padding - kernel) // stride + 1 for n in size))


@dataclass(frozen=True)
class Convolved(Operation):
    """A convolution.

    Attributes:
        weight: shape (sample or 1, output, channel, height, width).
        bias: shape (sample or 1, output), or None.
        stride: between positions.
        padding: zeros on each side.
        size: height and width of the input.
    """

    weight: Tensor
    bias: Tensor | None
    stride: int
    padding: int
    size: Shape

    @property
    def num_samples(self) -> int:
        """Number of samples with different weights."""
        return len(self.weight)

    def value(self, *inputs: Tensor) -> Tensor:
        """Return the convolution."""
        return self._convolve(inputs[0], self.bias)

    def jvp(self, residual: Tensor | None, *steps: Tensor) -> Tensor:
        """Return the convolution of the step."""
        return self._convolve(steps[0], None)

    def _convolve(self, h: Tensor, bias: Tensor | None) -> Tensor:
        options: dict[str, Any] = {"stride": self.stride, "padding": self.padding}
        number = len(self.weight)
        if number == 1:
            bias = None if bias is None else bias[0]
            flat = functional.conv2d(fold(h), self.weight[0], bias, **options)
            return unfold(flat, h)
        # the samples' channels stand side by side: one convolution, in groups
        kernels = self.weight.flatten(0, 1)
        bias = None if bias is None else bias.flatten()
        groups = 1 if len(h) == 1 else number
        beside = functional.conv2d(_beside(h), kernels, bias, groups=groups, **options)
        features: Tensor = beside.unflatten(1, (number, -1)).transpose(0, 1)
        return features

    def vjp(
        self, residual: Tensor | None, cotangent: Tensor, shared: tuple[bool, ...]
    ) -> tuple[Tensor, ...]:
        """Return the transposed convolution, or its sum over samples."""
        number = len(self.weight)
        if number == 1:
            return (unfold(self._transposed(fold(cotangent), self.weight[0], 1), cotangent),)
        kernels = self.weight.flatten(0, 1)
        u = _beside(cotangent.expand(number, *cotangent.shape[1:]))
        if shared[0]:
            return (self._transposed(u, kernels, 1).unsqueeze(0),)
        return (self._transposed(u, kernels, number).unflatten(1, (number, -1)).transpose(0, 1),)

    def magnitude(self, power: int) -> "Convolved":
        """Return the convolution with the magnitudes of the weights."""
        return replace(self, weight=self.weight.abs() ** power, bias=None)

    def _transposed(self, u: Tensor, kernels: Tensor, groups: int) -> Tensor:
        """Return the cotangents of the input."""
        left_over = [
            size - ((out - 1) * self.stride - 2 * self.padding + kernel)
            for size, out, kernel in zip(self.size, u.shape[-2:], kernels.shape[-2:], strict=True)
        ]
        transposed: Tensor = functional.conv_transpose2d(
            u,
            kernels,
            stride=self.stride,
            padding=self.padding,
            output_padding=left_over,
            groups=groups,
        )
        return transposed


def fold(h: Tensor) -> Tensor:
    """Return features with the samples folded into the batch, channels last in memory."""
    last = h.movedim(-3, -1)
    return last.reshape(-1, *last.shape[-3:]).movedim(-1, -3)


def unfold(flat: Tensor, like: Tensor) -> Tensor:
    """Return a batch with the sample axis of ``like``."""
    unfolded: Tensor = flat.unflatten(0, like.shape[:2])
    return unfolded


def _beside(h: Tensor) -> Tensor:
    """Return features, shape (sample, example, channel, …), with the samples' channels in a row."""
    return h.transpose(0, 1).flatten(1, 2)
