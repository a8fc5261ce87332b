"""Functions and methods of tensors as operations: a row for each that can be bounded."""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import torch
from torch import Tensor, fx
from torch.nn import functional

from pyrosnn.errors import NoBoundsError
from pyrosnn.networks.activation import ACTIVATIONS, Activated
from pyrosnn.networks.layer import ChannelMean, Flattened
from pyrosnn.networks.operation import Operation, Scale, Shift, Sum
from pyrosnn.networks.pixels import normalised


@dataclass(frozen=True)
class Call:
    """A call of a function within a forward pass.

    Attributes:
        node: of the trace.
        values: the nodes that depend on the images.
        tensor_of: gives parameters and buffers by name, shape (sample or 1, *shape).
    """

    node: fx.Node
    values: Mapping[fx.Node, int]
    tensor_of: Callable[[str], Tensor]

    @property
    def arguments(self) -> list[Any]:
        """The arguments, in order."""
        return [*self.node.args, *self.node.kwargs.values()]

    def value(self, one: Any) -> fx.Node | None:
        """Return an argument if it depends on the images, else None."""
        return one if isinstance(one, fx.Node) and one in self.values else None

    def constant(self, one: Any, like: fx.Node) -> Tensor:
        """Return a number, parameter or buffer such that it broadcasts to (sample, example, …).

        Raises:
            NoBoundsError: for anything else.
        """
        axes = len(_shape(like))
        if isinstance(one, Real):
            like_it: Tensor = like.meta["like"]
            return like_it.new_full((1, *[1] * axes), float(one))
        if isinstance(one, fx.Node) and one.op == "get_attr":
            tensor = self.tensor_of(str(one.target))
            own = tensor.shape[1:]
            if len(own) < axes or (len(own) == axes and own[0] == 1):
                return tensor.reshape(len(tensor), *[1] * (axes - len(own)), *own)
        raise self.refused()

    def refused(self) -> NoBoundsError:
        """Return the error for a call that has no bounds."""
        name = getattr(self.node.target, "__name__", str(self.node.target))
        return NoBoundsError(
            f"its forward computes {name}({', '.join(map(str, self.arguments))}), which has no "
            "bounds here; sums of two values have, and sums and products with constants"
        )


# The operations of a call, one after the other, and the values that they take.
Found = tuple[Sequence[Operation], Sequence[fx.Node]]
Rule = Callable[[Call], Found]


def activation(name: str) -> Rule:
    """Return the rule of an activation."""
    return lambda call: ([Activated(ACTIVATIONS[name])], [_first(call)])


def flat(call: Call) -> Found:
    """Read a reshaping that leaves the axis of images, and makes a row of the others."""
    source = _first(call)
    before, after = _shape(source), _shape(call.node)
    if len(after) != 2 or after[1] != math.prod(before[1:]):
        raise NoBoundsError(
            f"its forward reshapes {tuple(before)} to {tuple(after)}, which has no bounds here; "
            "flatten all axes but that of images"
        )
    return [Flattened(tuple(before[1:]))], [source]


def mean(call: Call) -> Found:
    """Read a mean over height and width."""
    source, *axes = call.arguments
    over = axes[0] if axes and isinstance(axes[0], list | tuple) else axes
    dims = len(_shape(source))
    if dims != 4 or sorted(axis % dims for axis in over) != [2, 3] or len(_shape(call.node)) != 2:
        raise call.refused()
    return [ChannelMean(tuple(_shape(source)[2:]))], [source]


def total(call: Call) -> Found:
    """Read the sum of two values, or of a value and a constant."""
    one, other = map(call.value, call.arguments[:2])
    if one is not None and other is not None:
        if _shape(one) != _shape(other):
            raise call.refused()
        return [Sum()], [one, other]
    value, constant = _value_and_constant(call)
    return [Shift(constant)], [value]


def difference(call: Call) -> Found:
    """Read a value minus a constant, or a constant minus a value."""
    value, constant = _value_and_constant(call)
    if value is call.arguments[0]:
        return [Shift(-constant)], [value]
    return [Scale(-torch.ones_like(constant)), Shift(constant)], [value]


def product(call: Call) -> Found:
    """Read the product of a value and a constant."""
    value, constant = _value_and_constant(call)
    return [Scale(constant)], [value]


def quotient(call: Call) -> Found:
    """Read a value divided by a constant."""
    value = _left(call)
    return [Scale(1 / call.constant(call.arguments[1], value))], [value]


def pixels(call: Call) -> Found:
    """Read the normalisation of pixels."""
    x, centre, spread = call.arguments
    ones = [1] * (len(_shape(x)) - 2)
    shift, scale = (
        call.tensor_of(str(one.target)).unsqueeze(1).unflatten(-1, (-1, *ones))
        for one in (centre, spread)
    )
    return [Shift(-shift), Scale(1 / scale)], [x]


def nothing(call: Call) -> Found:
    """Read a call that changes no number."""
    return [], [_first(call)]


def _left(call: Call) -> fx.Node:
    value = call.value(call.arguments[0])
    if value is None:
        raise call.refused()
    return value


def _value_and_constant(call: Call) -> tuple[fx.Node, Tensor]:
    one, other = call.arguments[:2]
    value = call.value(one)
    if value is not None:
        return value, call.constant(other, value)
    value = call.value(other)
    assert value is not None  # one of them depends on the images
    return value, call.constant(one, value)


def _first(call: Call) -> fx.Node:
    first = call.arguments[0]
    assert isinstance(first, fx.Node)
    return first


def _shape(node: fx.Node) -> torch.Size:
    shape: torch.Size = node.meta["shape"]
    return shape


FUNCTIONS: dict[Any, Rule] = {
    torch.relu: activation("relu"),
    functional.relu: activation("relu"),
    torch.tanh: activation("tanh"),
    torch.flatten: flat,
    torch.mean: mean,
    operator.add: total,
    operator.iadd: total,
    torch.add: total,
    operator.sub: difference,
    operator.mul: product,
    operator.truediv: quotient,
    normalised: pixels,
    "relu": activation("relu"),
    "relu_": activation("relu"),
    "tanh": activation("tanh"),
    "flatten": flat,
    "view": flat,
    "reshape": flat,
    "mean": mean,
    "contiguous": nothing,
}
