"""Nonlinearities between layers."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pyrosnn.errors import unknown_name
from pyrosnn.networks.layer import Layer, Shape
from pyrosnn.networks.operation import Operation


@dataclass(frozen=True)
class Nonlinearity:
    """A function of single numbers.

    Attributes:
        value: the function.
        derivative: (v, h) to v times the derivative where the function's value is h.
    """

    value: Callable[[Tensor], Tensor]
    derivative: Callable[[Tensor, Tensor], Tensor]


ACTIVATIONS = {
    # one pass each, where a product with a mask takes two
    "relu": Nonlinearity(torch.relu, lambda v, h: torch.ops.aten.threshold_backward(v, h, 0)),
    "tanh": Nonlinearity(torch.tanh, torch.ops.aten.tanh_backward),
}


class Activation(torch.nn.Module, Layer):
    """A nonlinearity as a layer.

    Args:
        name: in ``ACTIVATIONS``.
    """

    def __init__(self, name: str = "relu"):
        super().__init__()
        if name not in ACTIVATIONS:
            raise unknown_name("activation", name, ACTIVATIONS)
        self.name = name

    def operation(self, matrix: Tensor | None = None, *, learn: bool = False) -> Operation:
        """Return the nonlinearity."""
        return Activated(ACTIVATIONS[self.name])

    def shape(self, *inputs: Shape) -> Shape:
        """Return the shape of its input."""
        return inputs[0]

    def extra_repr(self) -> str:
        """Return the name."""
        return self.name


@dataclass(frozen=True)
class Activated(Operation):
    """A nonlinearity whose derivatives need only its value."""

    function: Nonlinearity
    affine = False
    monotone = True  # as all of ``ACTIVATIONS`` are

    def value(self, *inputs: Tensor) -> Tensor:
        """Return the function's value."""
        return self.function.value(inputs[0])

    def residual(self, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        """Keep the value."""
        return output

    def jvp(self, residual: Tensor | None, *steps: Tensor) -> Tensor:
        """Return the step times the derivative."""
        assert residual is not None
        return self.function.derivative(*torch.broadcast_tensors(steps[0], residual))

    def vjp(
        self, residual: Tensor | None, cotangent: Tensor, shared: tuple[bool, ...]
    ) -> tuple[Tensor, ...]:
        """Return the cotangent times the derivative."""
        assert residual is not None
        return (self.function.derivative(*torch.broadcast_tensors(cotangent, residual)),)
