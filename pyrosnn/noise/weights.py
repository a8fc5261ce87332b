"""`matrix-normal`: a matrix normal posterior on the weights of layers."""

import math
from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Gt
from torch import Tensor

from pyrosnn.networks.network import Network
from pyrosnn.noise.at_weights import AtWeights
from pyrosnn.noise.matrix_normal import MatrixNormal
from pyrosnn.noise.noise import Laws


@dataclass(eq=False, repr=False)
class MatrixNormalWeights(AtWeights):
    r"""$W = M + r \circ E \circ c$ with the network's weights as mean M, row and column scales.

    Prior: $W \sim \mathcal{MN}(0, I, I)$. A row is an input of the layer (of a convolution: a
    channel and a position of its kernel), with the bias as the last; a column is an output. W
    itself is sampled, not the pre-activations of each image, so that a sample is a network that
    can be replayed.

    Attributes:
        initial_row_scale: initial scale of the rows of the weights, r.
        initial_column_scale: initial scale of the columns of the weights, c.
        places: places with weights; by default all of them.
        site: the sites are called ``weight_0``, ``weight_1``, … in the order of the places.

    References:
        C. Louizos, M. Welling, Structured and efficient variational deep learning with matrix
        Gaussian posteriors, ICML 2016. Settings: Däubener & Fischer 2022, supplement B.
    """

    initial_row_scale: Annotated[float, Gt(0)] = 0.05
    initial_column_scale: Annotated[float, Gt(0)] = 1.0

    def __post_init__(self) -> None:
        """Check the values of the fields."""
        super().__post_init__()
        self.row_log_scales = torch.nn.ParameterList()
        self.column_log_scales = torch.nn.ParameterList()

    def place(self, network: Network) -> None:
        """Create the scales."""
        row_scale = math.log(self.initial_row_scale)
        column_scale = math.log(self.initial_column_scale)
        super().place(network)
        for matrix in map(network.matrix, self.place_of.values()):
            rows, columns = matrix.shape
            self.row_log_scales.append(matrix.new_full((rows,), row_scale))
            self.column_log_scales.append(matrix.new_full((columns,), column_scale))

    def posterior(self, network: Network, like: Tensor) -> Laws:
        """Return the matrix normal posteriors."""
        scales = zip(self.row_log_scales, self.column_log_scales, strict=True)
        return {
            name: MatrixNormal(
                network.matrix(place), row_scale=row.exp(), column_scale=column.exp()
            )
            for (name, place), (row, column) in zip(self.place_of.items(), scales, strict=True)
        }

    def prior(self, network: Network, like: Tensor) -> Laws:
        """Return standard matrix normals."""
        laws = {}
        for name, place in self.place_of.items():
            rows, columns = network.matrix(place).shape
            laws[name] = MatrixNormal(
                like.new_zeros(rows, columns),
                row_scale=like.new_ones(rows),
                column_scale=like.new_ones(columns),
            )
        return laws
