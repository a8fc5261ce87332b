"""`resnet`: wide residual networks of pre-activation blocks."""

import torch

from pyrosnn.errors import require
from pyrosnn.networks.activation import Activation
from pyrosnn.networks.convolution import Convolution
from pyrosnn.networks.layer import Add, Pool, Shape
from pyrosnn.networks.layered import LayeredNetwork
from pyrosnn.networks.linear import Linear
from pyrosnn.networks.norm import Centre, Norm

STEM_CHANNELS = 16


def resnet(
    image_shape: Shape, num_classes: int, depth: int = 28, width: int = 10
) -> LayeredNetwork:
    """Return a wide residual network, with noise of features between a block's convolutions.

    Blocks bn-relu-conv-bn-relu-conv beside a shortcut, in three groups of 16, 32 and 64 times
    ``width`` channels. The places of block k are ``block_k_norm_1``, ``block_k_active_1``,
    ``block_k_conv_1``, ``block_k_norm_2``, ``block_k_active_2``, ``block_k_conv_2``,
    ``block_k_shortcut`` (where its shape changes) and ``block_k``.

    Args:
        image_shape: shape of one image, (channel, height, width).
        num_classes: number of classes.
        depth: number of convolutions, 6 n + 4 for n blocks in each group.
        width: factor that multiplies the number of channels.

    Raises:
        ArgumentError: ``depth must be 6 n + 4 with n >= 1 (10, 16, 22, 28 …), got 12``.

    References:
        S. Zagoruyko, N. Komodakis, Wide residual networks, BMVC 2016.
    """
    require(
        len(image_shape) == 3,
        f"resnet needs images of shape (channel, height, width), got {tuple(image_shape)}",
    )
    require(
        depth >= 10 and depth % 6 == 4,
        f"depth must be 6 n + 4 with n >= 1 (10, 16, 22, 28 …), got {depth}",
    )
    require(width >= 1, f"width must be >= 1, got {width}")
    network = LayeredNetwork(image_shape, num_classes)
    network.add("centre", Centre())
    network.add("first", convolution(image_shape[0], STEM_CHANNELS, 3, 1))
    inputs, number = STEM_CHANNELS, 0
    for group in range(3):
        outputs = 16 * 2**group * width
        for block in range((depth - 4) // 6):
            add_block(network, number, inputs, outputs, 2 if group > 0 and block == 0 else 1)
            inputs, number = outputs, number + 1
    network.default_places = tuple(f"block_{i}_conv_1" for i in range(number))
    network.sum_places = tuple(f"block_{i}" for i in range(number))
    network.add("norm", Norm(inputs))
    network.add("active", Activation())
    network.add("pool", Pool())
    network.add("last", Linear(inputs, num_classes))
    network.to(memory_format=torch.channels_last)  # where convolutions are fastest
    return network


def add_block(network: LayeredNetwork, number: int, inputs: int, outputs: int, stride: int) -> None:
    """Add bn-relu-conv-bn-relu-conv beside a shortcut.

    Args:
        network: the network; its last place is the input of the block.
        number: of the block.
        inputs: number of input channels.
        outputs: number of output channels.
        stride: of the first convolution and of the shortcut.
    """
    name = f"block_{number}"
    before = list(network.places)[-1]
    network.add(f"{name}_norm_1", Norm(inputs))
    network.add(f"{name}_active_1", Activation())
    network.add(f"{name}_conv_1", convolution(inputs, outputs, 3, stride))
    network.add(f"{name}_norm_2", Norm(outputs))
    network.add(f"{name}_active_2", Activation())
    network.add(f"{name}_conv_2", convolution(outputs, outputs, 3, 1))
    shortcut = before
    if inputs != outputs or stride != 1:
        shortcut = f"{name}_shortcut"
        network.add(shortcut, convolution(inputs, outputs, 1, stride), f"{name}_active_1")
    network.add(name, Add(), f"{name}_conv_2", shortcut)


def convolution(inputs: int, outputs: int, size: int, stride: int) -> Convolution:
    """Return a convolution without bias."""
    return Convolution(inputs, outputs, size, stride=stride, bias=False)
