"""Randomized smoothing: any classifier, averaged over noise on its input."""

import math
from typing import Any

import pyro
from pyro import poutine
from pyro.distributions import Categorical, Normal
from pyro.poutine.util import prune_subsample_sites
from torch import Tensor

from pyrosnn.errors import require
from pyrosnn.models.classifier import Sites, StochasticClassifier


class Smoothed(StochasticClassifier):
    r"""The expectation of a classifier under Gaussian noise, estimated for each sample of it.

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

    def _sample_noise(self, x: Tensor) -> Tensor:
        scale = x.new_tensor(math.sqrt(self.variance))
        noise = Normal(x.new_zeros(()), scale).expand((self.num_noise, *self.image_shape))
        with pyro.plate("smoothed_images", len(x), dim=-1):
            return pyro.sample("smoothing_noise", noise.to_event(1 + len(self.image_shape)))

    def model(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """The base's prior and noise; labels from the softmax of the smoothed logits."""
        visible = poutine.block(self.base.model, hide=["y", "images"])
        prior: Any = poutine.trace(visible).get_trace(x)
        drawn = dict[str, Any](prune_subsample_sites(prior).nodes).items()  # of many types
        sites = {n: _with_axes(v["value"], v["fn"]) for n, v in drawn if v["type"] == "sample"}
        noise = self._sample_noise(x)
        single = noise.ndim == 2 + len(self.image_shape)  # else Pyro draws many samples at once
        sites["smoothing_noise"] = noise.unsqueeze(0) if single else noise
        logits = self.logits(x, sites)
        logits = logits.squeeze(0) if single else logits
        with pyro.plate("images", len(x), dim=-1):
            return pyro.sample("y", Categorical(logits=logits), obs=y)

    def guide(self, x: Tensor, y: Tensor | None = None) -> None:
        """The base's posterior and noise."""
        self.base.guide(x, y)
        self._sample_noise(x)

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Return logits whose softmax is the smoothed prediction; smoothed logits if f is one.

        All sites have an axis of samples here, shape (sample, example or 1, *event).
        """
        noise = sites["smoothing_noise"]
        dims = len(self.image_shape)
        noisy = x.unsqueeze(-1 - dims) + noise  # (sample, example, noise, *image)
        lead = noisy.shape[: noisy.ndim - dims]
        flat = noisy.reshape(*lead[:-2], -1, *self.image_shape)
        repeated = {
            name: value if value.shape[1] == 1 else value.repeat_interleave(self.num_noise, 1)
            for name, value in sites.items()
            if name != "smoothing_noise"
        }
        each = self.base.logits(flat, repeated).reshape(*lead, self.num_classes)
        if self.output == "logits":
            return each.mean(-2)
        return each.log_softmax(-1).logsumexp(-2)  # log K is the same for all classes

    @property
    def floats_per_example(self) -> int:
        """One float for each noisy pixel, and the base's for each noisy copy."""
        return self.num_noise * (math.prod(self.image_shape) + self.base.floats_per_example)


def _with_axes(value: Tensor, drawn_from: Any) -> Tensor:
    """Return what Pyro drew with axes of samples and images: (sample, example, *event)."""
    event = tuple(drawn_from.event_shape)
    lead = value.shape[: value.ndim - len(event)]
    return value.reshape(*[1] * (2 - len(lead)), *lead, *event)
