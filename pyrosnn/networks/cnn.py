"""`cnn`: a small convolutional network for images of about 28 × 28 and 32 × 32 pixels."""

from collections.abc import Sequence
from typing import Annotated

import torch

from pyrosnn.errors import require
from pyrosnn.networks.activation import ACTIVATIONS, Activation
from pyrosnn.networks.convolution import Convolution
from pyrosnn.networks.dense import Dense
from pyrosnn.networks.layer import Flatten, Shape
from pyrosnn.networks.layered import LayeredNetwork
from pyrosnn.settings import OneOf


def cnn(
    image_shape: Shape,
    num_classes: int,
    channels: Sequence[int] = (16, 32),
    units: int = 100,
    activation: Annotated[str, OneOf(ACTIVATIONS)] = "relu",
) -> LayeredNetwork:
    """Return convolutions of 4 × 4 with stride 2, a fully connected layer, and the last one.

    Its places are ``conv_0``, ``active_0``, … ``flat``, ``hidden``, ``active``, ``last``. Noise of
    features is put after the activations unless it is told.

    Args:
        image_shape: shape of one image, (channel, height, width).
        num_classes: number of classes.
        channels: numbers of channels of the convolutions; each halves height and width.
        units: width of the fully connected layer.
        activation: nonlinearity between the layers.

    Raises:
        ArgumentError: for images that are no pixels in two dimensions, or too small.

    References:
        The small network of E. Wong, J. Z. Kolter, Provable defenses via the convex outer
        adversarial polytope, ICML 2018.

    Example:
        >>> cnn((1, 28, 28), 10).places["flat"].shape
        (1568,)
    """
    require(
        len(image_shape) == 3,
        f"cnn needs images of shape (channel, height, width), got {tuple(image_shape)}",
    )
    require(
        min(image_shape[1:]) >= 2 ** len(channels),
        f"{len(channels)} convolutions that halve the size need images of at least "
        f"{2 ** len(channels)} pixels, got {tuple(image_shape)}",
    )
    for width in (*channels, units):
        require(width >= 1, f"channels and units must be >= 1, got {width}")
    network = LayeredNetwork(image_shape, num_classes)
    inputs = image_shape[0]
    for number, outputs in enumerate(channels):
        network.add(f"conv_{number}", Convolution(inputs, outputs, 4, stride=2, padding=1))
        network.add(f"active_{number}", Activation(activation))
        inputs = outputs
    network.add("flat", Flatten())
    network.add("hidden", Dense(network.places["flat"].shape[0], units))
    network.add("active", Activation(activation))
    network.add("last", Dense(units, num_classes))
    network.default_places = (*(f"active_{i}" for i in range(len(channels))), "active")
    network.to(memory_format=torch.channels_last)
    return network
