"""`laplace`: a fully connected network with Laplace's approximation on its last layer."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from pyrosnn.errors import require, unknown_name
from pyrosnn.models.dense import dense_network, initial_weight, layer_shapes
from pyrosnn.models.head import ACTIVATIONS
from pyrosnn.models.last_layer import LastLayerLaplace


class Laplace(LastLayerLaplace):
    """A fully connected network, trained; then a Gaussian on the weights of its last layer.

    See :class:`LastLayerLaplace`; for a network of your own,
    :func:`pyrosnn.adapters.from_laplace`.

    Args:
        image_shape: shape of one image.
        num_classes: number of classes.
        hidden: widths of the hidden layers; the last is the number of features.
        activation: ``relu`` or ``tanh``, between the layers.
        prior_precision: of the last layer's normal prior.
    """

    def __init__(
        self,
        image_shape: tuple[int, ...],
        num_classes: int,
        *,
        hidden: Sequence[int] = (128, 128),
        activation: str = "relu",
        prior_precision: float = 1.0,
    ):
        require(len(hidden) >= 1, "a last-layer posterior needs a hidden layer, got hidden=()")
        if activation not in ACTIVATIONS:
            raise unknown_name("activation", activation, ACTIVATIONS)
        *below, num_features = hidden
        super().__init__(
            image_shape, num_classes, num_features=num_features, prior_precision=prior_precision
        )
        self.activation = activation
        self.shapes = layer_shapes(math.prod(image_shape), below, num_features)
        self.weights = torch.nn.ParameterList(initial_weight(*shape) for shape in self.shapes)

    def features(self, x: Tensor) -> Tensor:
        """Return the units of the last hidden layer, shape (example, feature)."""
        flat = x.flatten(-len(self.image_shape))
        hidden = dense_network(flat, list(self.weights), self.activation)
        return ACTIVATIONS[self.activation].value(hidden)

    @property
    def trunk_floats(self) -> int:
        """One float for each unit."""
        return sum(columns for _, columns in self.shapes)
