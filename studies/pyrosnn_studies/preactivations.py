"""Pre-activations as samples: the other reading of a network with matrix normal weights."""

import pyro
from pyro.distributions import Normal
from torch import Tensor

from pyrosnn.models.bnn import BNN
from pyrosnn.models.classifier import Sites, StochasticClassifier
from pyrosnn.models.head import ACTIVATIONS


class PreactivationNoise(StochasticClassifier):
    r"""A trained :class:`BNN` whose samples are pre-activations of each image, not weights.

    With $W = M + r \circ E \circ c$ and inputs h, a pre-activation is normal with mean $h M$ and
    standard deviation $\|h \circ r\| \, c$. Drawing it for each image, as the matrix normal's
    authors do in training, gives single predictions of the same distribution; but the noise is no
    longer shared by the images or by x and x + δ as one network, and its input gradient has
    another distribution.

    Args:
        bnn: the trained network.

    References:
        Louizos & Welling, ICML 2016, section 3.3.
    """

    output = "probs"
    objective = ""  # the network is trained on samples of its weights
    per_example = True

    def __init__(self, bnn: BNN):
        super().__init__(bnn.image_shape, bnn.num_classes)
        self.bnn = bnn

    def model(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """The same noise; this classifier is not trained."""
        self.guide(x, y)
        return x

    def guide(self, x: Tensor, y: Tensor | None = None) -> None:
        """Standard normal noise for each unit and image."""
        with pyro.plate("images", len(x), dim=-1):
            for layer, (_, columns) in enumerate(self.bnn.shapes):
                standard = Normal(x.new_zeros(()), x.new_ones(())).expand((columns,))
                pyro.sample(f"noise_{layer}", standard.to_event(1))

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Evaluate the network on stored noise; see :class:`StochasticClassifier`."""
        hidden = x.flatten(1)
        for layer, mean in enumerate(self.bnn.means):
            row = self.bnn.row_log_scales[layer].exp()
            column = self.bnn.column_log_scales[layer].exp()
            if layer > 0:
                hidden = ACTIVATIONS[self.bnn.activation].value(hidden)
            variance = hidden.square() @ row[:-1].square().unsqueeze(-1) + row[-1].square()
            spread = variance.sqrt() * column
            hidden = hidden @ mean[:-1] + mean[-1] + spread * sites[f"noise_{layer}"]
        return hidden

    @property
    def floats_per_example(self) -> int:
        """One float for each unit and its noise."""
        return 2 * self.bnn.floats_per_example
