"""Networks: one of layers, with a skip around the middle one; and one of torchvision."""

import math

import torch
from torchvision.models import ShuffleNetV2

from pyrosnn.networks.activation import Activation
from pyrosnn.networks.dense import Dense
from pyrosnn.networks.layer import Add, Flatten
from pyrosnn.networks.layered import LayeredNetwork
from pyrosnn.networks.module import ModuleNetwork


def skipping(image_shape: tuple[int, ...], num_classes: int, units: int = 20) -> LayeredNetwork:
    """Return a fully connected network of one residual block."""
    network = LayeredNetwork(image_shape, num_classes)
    network.add("flat", Flatten())
    network.add("first", Dense(math.prod(image_shape), units))
    network.add("active", Activation("tanh"))
    network.add("middle", Dense(units, units))
    network.add("sum", Add(), "active", "middle")
    network.add("last", Dense(units, num_classes))
    network.default_places = ("middle",)
    return network


def from_torchvision(image_shape: tuple[int, ...], num_classes: int) -> ModuleNetwork:
    """Return a small network of torchvision, for grey images: grouped convolutions, batch norm."""
    module = ShuffleNetV2([1, 1, 1], [8, 16, 16, 16, 32], num_classes=num_classes)
    module.conv1[0] = torch.nn.Conv2d(image_shape[0], 8, 3, padding=1, bias=False)
    network = ModuleNetwork(module, image_shape)
    network.default_places = ("conv1", "stage3")
    return network
