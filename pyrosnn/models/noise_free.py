"""The noise-free network of a stochastic classifier."""

import zlib

import pyro
import torch
from torch import Tensor

from pyrosnn.errors import NoNoiseFreeError
from pyrosnn.models.axes import one_sample
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.networks.function import Function
from pyrosnn.networks.network import Parts
from pyrosnn.seeding import forked_rng, seed_sequence
from pyrosnn.settings import checked_arguments
from pyrosnn.shapes import Sites


@checked_arguments
def noise_free(classifier: StochasticClassifier) -> "NoiseFree":
    """Return the network without its noise: every sample site is at the mean of its law.

    Weights are the means of their posterior, centred noise is 0, and dropout keeps every unit. A
    module whose evaluation mode draws nothing is evaluated in that mode. It is not the mean
    prediction: that is a mean over networks.

    The result is a classifier of which all samples are equal: one is enough, to predict or to
    attack.

    Args:
        classifier: the classifier; it is not copied.

    Raises:
        NoNoiseFreeError: for members of an ensemble, permutations, seeds, and other laws that have
            no mean.

    Example:
        >>> import pyrosnn
        >>> from pyrosnn.sampling import predict
        >>> digits = pyrosnn.load_dataset("digits")
        >>> bnn = pyrosnn.train(pyrosnn.preset("bnn", epochs=1), digits)
        >>> x = digits.x_test[:20]
        >>> network = noise_free(bnn)
        >>> one = pyrosnn.draw_sample_set(network, x, 1, seed=0, stream="inference")
        >>> weight = one.tensors["weight_0"].squeeze()
        >>> bool(torch.equal(weight, bnn.network.matrix("layer_0")))
        True
        >>> predict(network, x, one).predicted.shape
        torch.Size([20])
    """
    network = NoiseFree(classifier)
    network.require_means()
    return network


class NoiseFree(StochasticClassifier):
    """A classifier with its sites at the means of their laws; :func:`noise_free` makes it.

    Args:
        base: the classifier with noise.

    Attributes:
        base: as given.
    """

    objective = ""  # the base is trained

    def __init__(self, base: StochasticClassifier):
        super().__init__(base.image_shape, base.num_classes)
        self.base = base
        self.output, self.per_example = base.output, base.per_example
        self.vectorized_guide = base.vectorized_guide

    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        """Declare the base's sites at their means."""
        return self.base.mean_sites(x, images)

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Evaluate the base."""
        return self.base.logits(x, sites)

    def trunk(self) -> Function | None:
        """Return the base's trunk."""
        return self.base.trunk()

    def parts(self, sites: Sites) -> Parts:
        """Return the base's part after the trunk."""
        return self.base.parts(sites)

    def fingerprint(self) -> int:
        """Return a number that changes with the base."""
        return zlib.crc32(repr((type(self).__name__, self.base.fingerprint())).encode())

    def require_means(self) -> None:
        """Refuse sites without a mean, and values that a program draws by itself.

        Raises:
            NoNoiseFreeError: naming a site.
        """
        x = torch.full((2, *self.image_shape), 0.5, dtype=self.dtype, device=self.device)
        found = []
        for seed in (0, 1):
            with torch.no_grad(), forked_rng(seed_sequence(seed, "noise-free"), self.device):
                found.append(one_sample(self.guide, x))
        for name, value in found[0].items():
            if not torch.equal(value, found[1][name]):
                raise NoNoiseFreeError(
                    f"there is no noise-free network: the values of site '{name}' are drawn by the "
                    "classifier itself, and their mean is not known; take a network of your own in "
                    "its place"
                )
