"""Fully connected networks whose weights carry the bias as an extra input row."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from pyrosnn.errors import require

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": torch.relu, "tanh": torch.tanh}


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


def dense_network(features: Tensor, weights: Sequence[Tensor], activation: str = "relu") -> Tensor:
    """Evaluate a network on one set of weights or on many at once.

    Args:
        features: flat images, shape (example, input) or (sample, example, input).
        weights: a matrix a layer, shape (input + 1, output), or (sample, 1, input + 1, output).
        activation: name in ``ACTIVATIONS``, between the layers.

    Returns:
        Logits, shape (example, class), or (sample, example, class) where an input has samples.
    """
    hidden = features
    for layer, weight in enumerate(weights):
        if layer > 0:
            hidden = ACTIVATIONS[activation](hidden)
        matrix = weight.squeeze(-3) if weight.ndim > 2 else weight
        hidden = hidden @ matrix[..., :-1, :] + matrix[..., -1:, :]
    return hidden
