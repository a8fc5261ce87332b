"""torch's linear layer: weights of shape (output, input), drawn as torch draws them."""

import torch
from torch import Tensor

from pyrosnn.errors import require
from pyrosnn.networks.dense import DenseProduct
from pyrosnn.networks.layer import Layer, Shape
from pyrosnn.networks.operation import Operation


class Linear(torch.nn.Linear, Layer):
    """``torch.nn.Linear`` as a layer.

    Args:
        in_features: number of inputs per image.
        out_features: numbers that it returns.
    """

    def __init__(self, in_features: int, out_features: int):
        super().__init__(in_features, out_features)

    def matrix(self) -> Tensor:
        """Return weights and bias, shape (input + 1, output)."""
        return torch.cat([self.weight.T, self.bias[None]])

    def operation(self, matrix: Tensor | None = None, *, learn: bool = False) -> Operation:
        """Return the product."""
        if matrix is None:
            return _Linear(self.weight.T.unsqueeze(0), self.bias[None, None])
        return DenseProduct(matrix[..., :-1, :], matrix[..., -1:, :])

    def shape(self, *inputs: Shape) -> Shape:
        """Return the number of outputs."""
        rows = self.in_features
        require(inputs[0] == (rows,), f"a linear layer of {rows} inputs got {inputs[0]}")
        return (self.out_features,)


class _Linear(DenseProduct):
    """The product as torch computes it, with the bits of earlier trainings."""

    def value(self, *inputs: Tensor) -> Tensor:
        bias = None if self.bias is None else self.bias.flatten()
        return torch.nn.functional.linear(inputs[0], self.weight[0].T, bias)
