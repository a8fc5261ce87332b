"""The interface of a layer, and the layers without weights."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from pyrosnn.errors import require
from pyrosnn.networks.operation import Operation, Sum

Shape = tuple[int, ...]


class Layer(ABC):
    """A place of a network: a module with a known output shape and operation.

    Attributes:
        is_view: whether it only reshapes.
        has_bias: whether the last row of its weights, if it has some, is a bias.
    """

    is_view: bool = False
    has_bias: bool = True

    @abstractmethod
    def operation(self, matrix: Tensor | None = None, *, learn: bool = False) -> Operation:
        """Return the operation of the layer.

        Args:
            matrix: weights in the place of its own, shape (sample or 1, input [+ 1], output), as
                :meth:`matrix` has them; None takes its own.
            learn: in training, with the statistics of the batch.
        """

    @abstractmethod
    def shape(self, *inputs: Shape) -> Shape:
        """Return the shape of one image's features, given the shapes of its inputs."""

    def matrix(self) -> Tensor | None:
        """Return the weights, shape (input + 1, output) with the bias last; None without any.

        Where a layer has no bias, its matrix has no row for it.
        """
        return None


class Flatten(torch.nn.Module, Layer):
    """The numbers of an image as one row."""

    is_view = True
    size: Shape

    def operation(self, matrix: Tensor | None = None, *, learn: bool = False) -> Operation:
        """Return the reshaping."""
        return Flattened(self.size)

    def shape(self, *inputs: Shape) -> Shape:
        """Return the length of the row."""
        self.size = inputs[0]
        return (math.prod(self.size),)


@dataclass(frozen=True)
class Flattened(Operation):
    """The numbers of features as one row.

    Attributes:
        size: shape of one image's features.
    """

    size: Shape
    diagonal = True

    def value(self, *inputs: Tensor) -> Tensor:
        """Return the row."""
        return inputs[0].flatten(2)

    def jvp(self, residual: Tensor | None, *steps: Tensor) -> Tensor:
        """Return the step as a row."""
        return steps[0].flatten(2)

    def vjp(
        self, residual: Tensor | None, cotangent: Tensor, shared: tuple[bool, ...]
    ) -> tuple[Tensor, ...]:
        """Return the cotangent in the features' shape."""
        return (cotangent.unflatten(2, self.size),)

    def magnitude(self, power: int) -> "Flattened":
        """Return itself."""
        return self


class Add(torch.nn.Module, Layer):
    """The sum of two places."""

    def operation(self, matrix: Tensor | None = None, *, learn: bool = False) -> Operation:
        """Return the sum."""
        return Sum()

    def shape(self, *inputs: Shape) -> Shape:
        """Return the shape of both."""
        require(
            inputs[0] == inputs[1],
            f"a sum needs features of one shape, got {inputs[0]} and {inputs[1]}",
        )
        return inputs[0]


class Pool(torch.nn.Module, Layer):
    """The mean of each channel over height and width."""

    size: Shape

    def operation(self, matrix: Tensor | None = None, *, learn: bool = False) -> Operation:
        """Return the mean."""
        return ChannelMean(self.size)

    def shape(self, *inputs: Shape) -> Shape:
        """Return the number of channels."""
        channels, *size = inputs[0]
        self.size = tuple(size)
        return (channels,)


@dataclass(frozen=True)
class ChannelMean(Operation):
    """The mean of each channel.

    Attributes:
        size: height and width.
    """

    size: Shape

    def value(self, *inputs: Tensor) -> Tensor:
        """Return the mean."""
        return inputs[0].mean((-2, -1))

    def jvp(self, residual: Tensor | None, *steps: Tensor) -> Tensor:
        """Return the mean of the step."""
        return steps[0].mean((-2, -1))

    def vjp(
        self, residual: Tensor | None, cotangent: Tensor, shared: tuple[bool, ...]
    ) -> tuple[Tensor, ...]:
        """Return equal shares of the cotangent."""
        share = cotangent / math.prod(self.size)
        return (share[..., None, None].expand(*cotangent.shape, *self.size),)

    def magnitude(self, power: int) -> "ChannelMean | None":
        """Return itself for intervals: its weights are positive."""
        return self if power == 1 else None
