"""Pre-activations as samples: the other reading of a network with matrix normal weights."""

import pyro
from pyro.distributions import Normal
from torch import Tensor

from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.composed import Composed
from pyrosnn.networks.dense import Dense
from pyrosnn.networks.layered import LayeredNetwork
from pyrosnn.noise.weights import MatrixNormalWeights
from pyrosnn.shapes import Sites


class PreactivationNoise(StochasticClassifier):
    r"""A trained `bnn` whose samples are pre-activations of each image, not weights.

    With $W = M + r \circ E \circ c$ and inputs h, a pre-activation is normal with mean $h M$ and
    standard deviation $\|h \circ r\| \, c$. Drawing it for each image, as the matrix normal's
    authors do in training, gives single predictions of the same distribution; but the noise is no
    longer shared by the images or by x and x + δ as one network, and its input gradient has
    another distribution.

    Args:
        network: the trained network.
        noise: the noise of all its weights.

    References:
        Louizos & Welling, ICML 2016, section 3.3.
    """

    output = "probs"
    objective = ""  # the network is trained on samples of its weights
    per_example = True

    def __init__(self, network: LayeredNetwork, noise: MatrixNormalWeights):
        super().__init__(network.image_shape, network.num_classes)
        self.network, self.noise = network, noise

    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        """Draw standard normal noise for each unit and image."""
        drawn = {}
        with images:
            for layer, place in enumerate(self.noise.place_of.values()):
                shape = self.network.place(place).shape
                standard = Normal(x.new_zeros(()), x.new_ones(())).expand(shape)
                drawn[f"noise_{layer}"] = pyro.sample(f"noise_{layer}", standard.to_event(1))
        return drawn

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Evaluate the network on stored noise; see :class:`StochasticClassifier`."""
        h = x if x.ndim > len(self.image_shape) + 1 else x.unsqueeze(0)
        number = 0
        for name in self.network.layers:
            layer = self.network.layer(name)
            mean = layer.operation().value(h)
            if isinstance(layer, Dense):
                row = self.noise.row_log_scales[number].exp()
                column = self.noise.column_log_scales[number].exp()
                variance = h.square() @ row[:-1].square().unsqueeze(-1) + row[-1].square()
                mean = mean + variance.sqrt() * column * sites[f"noise_{number}"]
                number += 1
            h = mean
        return h


def preactivation_noise(classifier: StochasticClassifier) -> PreactivationNoise | None:
    """Return the other reading of a classifier, or None if it has none.

    Args:
        classifier: any classifier; a fully connected network with matrix normal weights has one.
    """
    if not isinstance(classifier, Composed):
        return None
    network, noises = classifier.network, list(classifier.noise)
    if (
        isinstance(network, LayeredNetwork)
        and all(isinstance(network.layers[p], Dense) for p in network.weighted_places())
        and len(noises) == 1
        and isinstance(noises[0], MatrixNormalWeights)
    ):
        return PreactivationNoise(network, noises[0])
    return None
