"""torch's layers as operations: a row for each that can be bounded."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pyrosnn.errors import NoBoundsError
from pyrosnn.networks.activation import ACTIVATIONS, Activated, Nonlinearity
from pyrosnn.networks.convolution import Convolved
from pyrosnn.networks.dense import DenseProduct
from pyrosnn.networks.layer import Flattened
from pyrosnn.networks.operation import Operation, Scale, Shift
from pyrosnn.networks.pooling import AveragePooled, MaxPooled


@dataclass(frozen=True)
class Sized:
    """A layer where it stands in a network.

    Attributes:
        name: of the submodule.
        layer: the submodule.
        shape: of one image's input.
        matrix: weights in the place of its own, shape (sample, input [+ 1], output), or None.
    """

    name: str
    layer: Any
    shape: tuple[int, ...]
    matrix: Tensor | None

    def require(self, condition: bool, what: str) -> None:
        """Refuse a layer with settings that no operation has."""
        if not condition:
            raise NoBoundsError(
                f"'{self.name}' ({type(self.layer).__name__}) {what}, which has no bounds here"
            )


Tensors = Callable[[str], Tensor]  # by their names within the layer
Rule = Callable[[Sized, Tensors], list[Operation]]


def linear(at: Sized, own: Tensors) -> list[Operation]:
    """Return the product of a linear layer."""
    at.require(len(at.shape) == 1, f"gets features of shape {at.shape}, not a row")
    kernels, bias = _weights(at, own)
    return [DenseProduct(kernels, bias)]


def convolution(at: Sized, own: Tensors) -> list[Operation]:
    """Return a convolution."""
    layer = at.layer
    padding = layer.padding
    square = isinstance(padding, tuple) and len({*padding}) == 1 and len({*layer.stride}) == 1
    at.require(square, "has another stride or padding in height than in width, or 'same'")
    at.require(layer.groups == 1, f"has {layer.groups} groups")
    at.require(layer.dilation == (1, 1), "is dilated")
    at.require(layer.padding_mode == "zeros", f"pads with '{layer.padding_mode}'")
    kernels, bias = _weights(at, own)
    weight = kernels.mT.unflatten(-1, layer.weight.shape[1:])
    bias = None if bias is None else bias.squeeze(1)
    return [Convolved(weight, bias, layer.stride[0], padding[0], at.shape[1:])]


def _weights(at: Sized, own: Tensors) -> tuple[Tensor, Tensor | None]:
    """Return weights, shape (sample or 1, input, output), and the bias, (…, 1, output)."""
    if at.matrix is not None:
        if at.layer.bias is None:
            return at.matrix, None
        return at.matrix[:, :-1], at.matrix[:, -1:]
    kernels = own("weight").flatten(2).mT
    if at.layer.bias is None:
        return kernels, None
    bias = own("bias").unsqueeze(1)
    number = max(len(kernels), len(bias))  # samples of one of them alone
    return kernels.expand(number, -1, -1), bias.expand(number, -1, -1)


def norm(at: Sized, own: Tensors) -> list[Operation]:
    """Return batch norm by its running statistics."""
    layer = at.layer
    at.require(not layer.training, "normalises by the batch")
    scale = torch.rsqrt(own("running_var") + layer.eps)
    if layer.affine:
        scale = scale * own("weight")
    shift = -own("running_mean") * scale
    if layer.affine:
        shift = shift + own("bias")
    shape = (1, -1, *[1] * (len(at.shape) - 1))
    return [Scale(scale.unflatten(1, shape)), Shift(shift.unflatten(1, shape))]


def nothing(at: Sized, own: Tensors) -> list[Operation]:
    """Return no operation, for layers that do nothing in evaluation mode."""
    at.require(not at.layer.training or isinstance(at.layer, nn.Identity), "is in training mode")
    return []


def flatten(at: Sized, own: Tensors) -> list[Operation]:
    """Return the reshaping to a row."""
    layer = at.layer
    whole = layer.start_dim == 1 and layer.end_dim in (-1, len(at.shape))
    at.require(whole, "flattens some of the axes alone")
    return [Flattened(at.shape)]


def maximum(at: Sized, own: Tensors) -> list[Operation]:
    """Return the largest numbers of windows."""
    layer = at.layer
    at.require(layer.dilation in (1, (1, 1)) and not layer.ceil_mode, "is dilated or rounds up")
    return [MaxPooled(_window(layer.kernel_size, layer.stride, layer.padding))]


def average(at: Sized, own: Tensors) -> list[Operation]:
    """Return the means of windows."""
    layer = at.layer
    at.require(not layer.ceil_mode and layer.divisor_override is None, "rounds up")
    window = _window(layer.kernel_size, layer.stride, layer.padding)
    return [AveragePooled({**window, "count_include_pad": layer.count_include_pad}, at.shape)]


def to_one(at: Sized, own: Tensors) -> list[Operation]:
    """Return the means of the channels, as windows of the whole size."""
    at.require(at.layer.output_size in (1, (1, 1)), "has an output of more than 1 × 1")
    return [AveragePooled(_window(at.shape[1:], at.shape[1:], 0), at.shape)]


def _window(kernel: Any, stride: Any, padding: Any) -> dict[str, Any]:
    return {
        "kernel_size": kernel,
        "stride": kernel if stride is None else stride,
        "padding": padding,
    }


def elementwise(function: Nonlinearity) -> Rule:
    """Return the rule of an activation."""
    return lambda at, own: [Activated(function)]


SIGMOID = Nonlinearity(torch.sigmoid, torch.ops.aten.sigmoid_backward)

LAYERS: dict[type[nn.Module], Rule] = {
    nn.Linear: linear,
    nn.Conv2d: convolution,
    nn.ReLU: elementwise(ACTIVATIONS["relu"]),
    nn.Tanh: elementwise(ACTIVATIONS["tanh"]),
    nn.Sigmoid: elementwise(SIGMOID),
    nn.BatchNorm1d: norm,
    nn.BatchNorm2d: norm,
    nn.MaxPool2d: maximum,
    nn.AvgPool2d: average,
    nn.AdaptiveAvgPool2d: to_one,
    nn.Flatten: flatten,
    nn.Identity: nothing,
    nn.Dropout: nothing,
    nn.Dropout2d: nothing,
}


def kinds_of_layers() -> str:
    """Return what can be bounded, for errors."""
    return f"{', '.join(kind.__name__ for kind in LAYERS)}, sums, and scaling by numbers"
