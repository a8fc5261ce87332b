"""`sin`: the stochastic input network, a plain network behind Gaussian input noise."""

import math
from collections.abc import Sequence

import pyro
import torch
from pyro.distributions import Categorical, Normal
from torch import Tensor

from pyrosnn.errors import require, unknown_name
from pyrosnn.models.classifier import Sites, StochasticClassifier
from pyrosnn.models.dense import dense_head, dense_network, initial_weight, layer_shapes, split_bias
from pyrosnn.models.head import ACTIVATIONS, DenseHead
from pyrosnn.models.input_layer import DenseInput

# The objective that each average makes; without anything to learn of the noise, an ELBO is the
# mean log-likelihood of the copies.
AVERAGES = {"logits": "averaged-logits", "loss": "elbo"}


class StochasticInputNetwork(StochasticClassifier):
    r"""A fully connected network on $x + ε$ with $ε \sim \mathcal N(0, σ^2 I)$.

    The weights are parameters; the noise is the sample site. Its discriminant functions are
    logits, averaged over the noise in training and in prediction.

    Args:
        image_shape: shape of one image.
        num_classes: number of classes.
        hidden: widths of the hidden layers.
        activation: ``relu`` or ``tanh``, between the layers.
        noise_variance: σ², in squared pixel units; the paper's SINs have 0.05 and 0.1.
        average: what training averages over an image's noisy copies: their ``logits``, as the
            paper's supplement has it, or their ``loss``.
        per_example: draw noise for each image (the field's practice) or share it among images.

    References:
        M. Lécuyer et al., Certified robustness to adversarial examples with differential
        privacy, IEEE S&P 2019. Settings: Däubener & Fischer 2022, section 5 and supplement B.
    """

    output = "logits"
    objective = "averaged-logits"

    def __init__(
        self,
        image_shape: tuple[int, ...],
        num_classes: int,
        *,
        hidden: Sequence[int] = (128, 128),
        activation: str = "relu",
        noise_variance: float = 0.1,
        average: str = "logits",
        per_example: bool = True,
    ):
        super().__init__(image_shape, num_classes)
        if activation not in ACTIVATIONS:
            raise unknown_name("activation", activation, ACTIVATIONS)
        self.activation = activation
        require(noise_variance > 0, f"noise_variance must be > 0, got {noise_variance}")
        if average not in AVERAGES:
            raise unknown_name("average", average, AVERAGES)
        self.objective = AVERAGES[average]
        self.noise_variance = noise_variance
        self.per_example = per_example
        self.shapes = layer_shapes(math.prod(image_shape), hidden, num_classes)
        self.weights = torch.nn.ParameterList(initial_weight(*shape) for shape in self.shapes)

    def _sample_noise(self, x: Tensor) -> Tensor:
        scale = x.new_tensor(math.sqrt(self.noise_variance))
        noise = Normal(x.new_zeros(()), scale).expand(self.image_shape)
        return pyro.sample("noise", noise.to_event(len(self.image_shape)))

    def model(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Noise on the input; labels from the softmax of the network."""
        images = pyro.plate("images", len(x), dim=-1)
        if self.per_example:
            with images:
                noise = self._sample_noise(x)
        else:
            noise = self._sample_noise(x)
        logits = self.logits(x, {"noise": noise})
        with images:
            # in mixed precision the logits are bfloat16, the images are not
            return pyro.sample("y", Categorical(logits=logits.to(x.dtype)), obs=y)

    def guide(self, x: Tensor, y: Tensor | None = None) -> None:
        """The same noise: nothing of it is learned."""
        if self.per_example:
            with pyro.plate("images", len(x), dim=-1):
                self._sample_noise(x)
        else:
            self._sample_noise(x)

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Evaluate the network on stored noise; see :class:`StochasticClassifier`."""
        noisy = (x + sites["noise"]).flatten(-len(self.image_shape))
        return dense_network(noisy, list(self.weights), self.activation)

    def input_layer(self, sites: Sites) -> DenseInput:
        """Return the first layer, whose bias holds its value at the noise of each sample."""
        weight, bias = split_bias(self.weights[0])
        noise = sites["noise"].flatten(-len(self.image_shape))
        return DenseInput(weight.unsqueeze(0), noise @ weight + bias, self.image_shape)

    def head(self, sites: Sites) -> DenseHead:
        """Return the other layers, which all samples share."""
        return dense_head([w.unsqueeze(0).unsqueeze(0) for w in self.weights[1:]], self.activation)

    @property
    def floats_per_example(self) -> int:
        """One float for each pixel and each unit of the network."""
        return math.prod(self.image_shape) + sum(columns for _, columns in self.shapes)
