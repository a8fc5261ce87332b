"""Fully connected networks whose weights carry the bias as an extra input row."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from pyrosnn.errors import require
from pyrosnn.models.affine import affine
from pyrosnn.models.head import ACTIVATIONS, DenseHead
from pyrosnn.models.input_layer import DenseInput


def layer_shapes(num_inputs: int, hidden: Sequence[int], num_classes: int) -> list[tuple[int, int]]:
    """Return the shape (inputs + 1, outputs) of each layer's weight matrix.

    Raises:
        ArgumentError: ``widths of hidden layers must be >= 1, got 0``.

    Example:
        >>> layer_shapes(784, (128, 128), 10)
        [(785, 128), (129, 128), (129, 10)]
    """
    for width in hidden:
        require(width >= 1, f"widths of hidden layers must be >= 1, got {width}")
    sizes = [num_inputs, *hidden, num_classes]
    return [(inputs + 1, outputs) for inputs, outputs in pairwise(sizes)]


def initial_weight(rows: int, columns: int) -> Tensor:
    """Draw a layer's weights as He et al. do, biases zero.

    Args:
        rows: inputs + 1.
        columns: outputs.
    """
    weight = torch.randn(rows, columns) * math.sqrt(2.0 / (rows - 1))
    weight[-1] = 0.0  # the bias
    return weight


def split_bias(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Return weight and bias of a stored matrix.

    Args:
        matrix: shape (input + 1, output), or (sample, 1, input + 1, output) as sites have it.

    Returns:
        Shapes (input, output) and (1, output), or the same after an axis of samples.
    """
    matrix = matrix.squeeze(-3) if matrix.ndim > 2 else matrix
    return matrix[..., :-1, :], matrix[..., -1:, :]


def dense_network(x: Tensor, matrices: Sequence[Tensor], activation: str = "relu") -> Tensor:
    """Evaluate a network on one set of weights or on many at once.

    Args:
        x: flat images, shape (example, input) or (sample, example, input).
        matrices: one a layer, shape (input + 1, output), or (sample, 1, input + 1, output).
        activation: name in ``ACTIVATIONS``, between the layers.

    Returns:
        Logits, shape (example, class), or (sample, example, class) where an input has samples.
    """
    hidden = affine(x, *split_bias(matrices[0]))
    for matrix in matrices[1:]:
        hidden = affine(ACTIVATIONS[activation].value(hidden), *split_bias(matrix))
    return hidden


def dense_input(matrix: Tensor, image_shape: tuple[int, ...]) -> DenseInput:
    """Return the first layer of a network, for matrices of shape (sample, 1, input + 1, output)."""
    return DenseInput(*split_bias(matrix), image_shape)


def dense_head(matrices: Sequence[Tensor], activation: str) -> DenseHead:
    """Return the layers after the first, for matrices of the same shape."""
    return DenseHead([split_bias(matrix) for matrix in matrices], ACTIVATIONS[activation])
