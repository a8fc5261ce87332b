"""Randomized smoothing: any classifier, averaged over noise on its input."""

import math

import pyro
from pyro.distributions import Normal
from torch import Tensor

from pyrosnn.errors import require
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.outputs import discriminants_of
from pyrosnn.shapes import Sites

SITE = "smoothing_noise"


class Smoothed(StochasticClassifier):
    r"""The expectation of a classifier under Gaussian noise, estimated for each of its samples.

    $g(x, \theta) = \frac1K \sum_k f(x + \varepsilon_k, \theta)$ with $\varepsilon_k \sim
    \mathcal N(0, \sigma^2 I)$: a sample is a sample of the base classifier and K noises for each
    image; dropout masks are the same under all K. For f in [0, 1] the **exact** expectation has
    smooth discriminants, see :func:`pyrosnn.conditions.smoothness_constant`; an average over K
    noises only approaches it.

    Args:
        base: the classifier.
        variance: σ², in squared pixel units; the paper's smoothed networks have 0.1.
        num_noise: K, noises for each sample and image.

    References:
        Däubener & Fischer 2022, section 5 and supplement C.1.
    """

    objective = ""  # the base is trained, with ``smoothing_variance``
    per_example = True

    def __init__(self, base: StochasticClassifier, *, variance: float, num_noise: int = 10):
        super().__init__(base.image_shape, base.num_classes)
        require(variance > 0, f"variance must be > 0, got {variance}")
        require(num_noise >= 1, f"num_noise must be >= 1, got {num_noise}")
        self.base = base
        self.output = base.output
        self.variance = variance
        self.num_noise = num_noise

    def _sample_noise(self, x: Tensor, images: pyro.plate) -> Sites:
        scale = x.new_tensor(math.sqrt(self.variance))
        noise = Normal(x.new_zeros(()), scale).expand((self.num_noise, *self.image_shape))
        with images:
            return {SITE: pyro.sample(SITE, noise.to_event(1 + len(self.image_shape)))}

    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        """Draw the base's sites, and noise."""
        return {**self.base.sample_sites(x, images), **self._sample_noise(x, images)}

    def sample_prior(self, x: Tensor, images: pyro.plate) -> Sites:
        """Draw the base's sites from their priors, and noise."""
        return {**self.base.sample_prior(x, images), **self._sample_noise(x, images)}

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Return logits whose softmax is the smoothed prediction; smoothed logits if f is one."""
        noise = sites[SITE]
        dims = len(self.image_shape)
        noisy = x.unsqueeze(-1 - dims) + noise  # (sample, example, noise, *image)
        lead = noisy.shape[: noisy.ndim - dims]
        flat = noisy.reshape(*lead[:-2], -1, *self.image_shape)
        repeated = {
            name: value if value.shape[1] == 1 else value.repeat_interleave(self.num_noise, 1)
            for name, value in sites.items()
            if name != SITE
        }
        logits = self.base.logits(flat, repeated).reshape(*lead, self.num_classes)
        return discriminants_of(self.output).averaged_logits(logits)
