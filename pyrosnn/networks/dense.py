"""`dense`: fully connected networks whose weights carry the bias as an extra input row."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from pyrosnn.errors import require
from pyrosnn.networks.activation import ACTIVATIONS, Activation
from pyrosnn.networks.affine import affine, product, vjp, vjp_sum
from pyrosnn.networks.layer import Flatten, Layer, Shape
from pyrosnn.networks.layered import LayeredNetwork
from pyrosnn.networks.operation import Operation
from pyrosnn.settings import OneOf


def initial_matrix(inputs: int, outputs: int) -> Tensor:
    """Draw a layer's weights by He initialization, biases zero; shape (inputs + 1, outputs)."""
    matrix = torch.randn(inputs + 1, outputs) * math.sqrt(2.0 / inputs)
    matrix[-1] = 0.0  # the bias
    return matrix


class Dense(torch.nn.Module, Layer):
    """A dense layer, h W + b, with b as the last row of one matrix.

    Args:
        inputs: number of inputs per image.
        outputs: numbers that it returns.
        matrix: weights and bias to begin with; drawn if they are not given.
    """

    def __init__(self, inputs: int, outputs: int, matrix: Tensor | None = None):
        super().__init__()
        require(outputs >= 1, f"widths of hidden layers must be >= 1, got {outputs}")
        self.weight = torch.nn.Parameter(
            initial_matrix(inputs, outputs) if matrix is None else matrix
        )

    def matrix(self) -> Tensor:
        """Return weights and bias, shape (input + 1, output)."""
        return self.weight

    def operation(self, matrix: Tensor | None = None, *, learn: bool = False) -> Operation:
        """Return the product."""
        matrix = self.weight.unsqueeze(0) if matrix is None else matrix
        return DenseProduct(matrix[..., :-1, :], matrix[..., -1:, :])

    def shape(self, *inputs: Shape) -> Shape:
        """Return the number of outputs."""
        rows = self.weight.shape[0] - 1
        require(inputs[0] == (rows,), f"a dense layer of {rows} inputs got {inputs[0]}")
        return (self.weight.shape[1],)


@dataclass(frozen=True)
class DenseProduct(Operation):
    """h W + b.

    Attributes:
        weight: shape (sample or 1, input, output).
        bias: shape (sample or 1, 1, output), or None.
    """

    weight: Tensor
    bias: Tensor | None

    @property
    def num_samples(self) -> int:
        """Number of samples with different weights."""
        return len(self.weight)

    def value(self, *inputs: Tensor) -> Tensor:
        """Return h W + b."""
        return affine(inputs[0], self.weight, self.bias)

    def jvp(self, residual: Tensor | None, *steps: Tensor) -> Tensor:
        """Return v W."""
        return product(steps[0], self.weight)

    def vjp(
        self, residual: Tensor | None, cotangent: Tensor, shared: tuple[bool, ...]
    ) -> tuple[Tensor, ...]:
        """Return u Wᵀ, or its sum over samples."""
        if shared[0] and len(self.weight) > 1:
            return (vjp_sum(cotangent, self.weight),)
        return (vjp(cotangent, self.weight),)

    def magnitude(self, power: int) -> "DenseProduct":
        """Return the product with the magnitudes of the weights."""
        return DenseProduct(self.weight.abs() ** power, None)


def dense(
    image_shape: Shape,
    num_classes: int,
    hidden: Sequence[int] = (128, 128),
    activation: Annotated[str, OneOf(ACTIVATIONS)] = "relu",
    *,
    last: Tensor | None = None,
) -> LayeredNetwork:
    """Return a fully connected network, with places ``layer_0``, ``active_0``, … ``last``.

    Args:
        image_shape: shape of one image.
        num_classes: number of classes.
        hidden: widths of the hidden layers.
        activation: nonlinearity between the layers.
        last: weights of the last layer, which are then not drawn.

    Raises:
        ArgumentError: ``widths of hidden layers must be >= 1, got 0``.

    Example:
        >>> dense((1, 28, 28), 10, hidden=(128,)).places["layer_0"].matrix
        (785, 128)
    """
    network = LayeredNetwork(image_shape, num_classes)
    network.add("flat", Flatten())
    inputs = math.prod(image_shape)
    for number, width in enumerate(hidden):
        network.add(f"layer_{number}", Dense(inputs, width))
        network.add(f"active_{number}", Activation(activation))
        inputs = width
    network.add("last", Dense(inputs, num_classes, last))
    network.default_places = tuple(f"active_{number}" for number in range(len(hidden)))
    return network
