"""`bnn`: the Bayesian network with matrix normal weights (Variational Matrix Gaussian)."""

import math
from collections.abc import Sequence

import pyro
import torch
from pyro.distributions import Categorical
from torch import Tensor

from pyrosnn.errors import require, unknown_name
from pyrosnn.models.classifier import Sites, StochasticClassifier
from pyrosnn.models.dense import (
    dense_head,
    dense_input,
    dense_network,
    initial_weight,
    layer_shapes,
)
from pyrosnn.models.head import ACTIVATIONS, DenseHead
from pyrosnn.models.input_layer import DenseInput
from pyrosnn.models.matrix_normal import MatrixNormal


class BNN(StochasticClassifier):
    r"""A fully connected network with a matrix normal posterior on each weight matrix.

    Prior: $W \sim \mathcal{MN}(0, I, I)$. Guide: $W = M + r \circ E \circ c$, with a mean M,
    row scales r and column scales c; the bias is an extra input row. W itself is sampled, not
    the pre-activations of each image, so that a sample is a network that can be replayed.

    Args:
        image_shape: shape of one image.
        num_classes: number of classes.
        hidden: widths of the hidden layers.
        activation: ``relu`` or ``tanh``, between the layers.
        initial_row_scale: r at the start of training.
        initial_column_scale: c at the start of training.

    References:
        C. Louizos, M. Welling, Structured and efficient variational deep learning with matrix
        Gaussian posteriors, ICML 2016. Settings: Däubener & Fischer 2022, supplement B.
    """

    output = "probs"
    objective = "elbo"

    def __init__(
        self,
        image_shape: tuple[int, ...],
        num_classes: int,
        *,
        hidden: Sequence[int] = (128, 128),
        activation: str = "relu",
        initial_row_scale: float = 0.05,
        initial_column_scale: float = 1.0,
    ):
        super().__init__(image_shape, num_classes)
        if activation not in ACTIVATIONS:
            raise unknown_name("activation", activation, ACTIVATIONS)
        self.activation = activation
        for name, scale in (("row", initial_row_scale), ("column", initial_column_scale)):
            require(scale > 0, f"initial_{name}_scale must be > 0, got {scale}")
        self.shapes = layer_shapes(math.prod(image_shape), hidden, num_classes)
        self.means = torch.nn.ParameterList()
        self.row_log_scales = torch.nn.ParameterList()
        self.column_log_scales = torch.nn.ParameterList()
        for rows, columns in self.shapes:
            self.means.append(initial_weight(rows, columns))
            self.row_log_scales.append(torch.full((rows,), math.log(initial_row_scale)))
            self.column_log_scales.append(torch.full((columns,), math.log(initial_column_scale)))

    @property
    def site_names(self) -> list[str]:
        """Names of the weights' sample sites, first layer first."""
        return [f"weight_{layer}" for layer in range(len(self.shapes))]

    def model(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Weights from the prior; labels from the softmax of the network."""
        weights = {}
        for name, (rows, columns) in zip(self.site_names, self.shapes, strict=True):
            prior = MatrixNormal(
                x.new_zeros(rows, columns),
                row_scale=x.new_ones(rows),
                column_scale=x.new_ones(columns),
            )
            weights[name] = pyro.sample(name, prior)
        logits = self.logits(x, weights)
        with pyro.plate("images", len(x), dim=-1):
            # in mixed precision the logits are bfloat16, the images are not
            return pyro.sample("y", Categorical(logits=logits.to(x.dtype)), obs=y)

    def guide(self, x: Tensor, y: Tensor | None = None) -> None:
        """Weights from the matrix normal posterior."""
        for name, mean, row, column in zip(
            self.site_names, self.means, self.row_log_scales, self.column_log_scales, strict=True
        ):
            posterior = MatrixNormal(mean, row_scale=row.exp(), column_scale=column.exp())
            pyro.sample(name, posterior)

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Evaluate the network on stored weights; see :class:`StochasticClassifier`."""
        weights = [sites[name] for name in self.site_names]
        return dense_network(x.flatten(-len(self.image_shape)), weights, self.activation)

    def input_layer(self, sites: Sites) -> DenseInput:
        """Return the first layer of each sample."""
        return dense_input(sites[self.site_names[0]], self.image_shape)

    def head(self, sites: Sites) -> DenseHead:
        """Return the other layers of each sample."""
        return dense_head([sites[name] for name in self.site_names[1:]], self.activation)

    @property
    def floats_per_example(self) -> int:
        """One float for each unit of the network."""
        return sum(columns for _, columns in self.shapes)
