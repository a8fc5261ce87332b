r"""Training losses as Pyro ELBOs: how the samples of one step are pooled per image.

All of them are (per image, with N training images) a likelihood term plus
``kl_weight`` · KL(guide ‖ prior) / N, and differ in the likelihood term:

=================  ==========================================================================
``elbo``           mean over samples of the log-likelihood, as Pyro's ``TraceMeanField_ELBO``
``mixture``        log of the mean likelihood of each image
``averaged-logits``  log-likelihood of each image under the averaged logits
=================  ==========================================================================
"""

import math
from abc import abstractmethod
from typing import Any

import torch
from pyro import poutine
from pyro.distributions.util import scale_and_mask
from pyro.infer import ELBO
from pyro.poutine.messenger import Messenger
from pyro.poutine.trace_struct import Trace
from pyro.poutine.util import prune_subsample_sites
from torch import Tensor
from torch.distributions.kl import kl_divergence


class PooledELBO(ELBO):
    r"""An ELBO-like loss whose likelihood term pools the particles of each image.

    $-\sum_n \mathrm{pool}_s\, p(y_n \mid x_n, \theta_s) + \mathrm{KL}(q \,\|\, p)$, with
    analytic KL terms and all particles evaluated at once. The densities of the latent sites, which
    Pyro computes for every trace and this loss does not need, are left out.

    Args:
        num_particles: how many samples a step draws.
    """

    def __init__(self, num_particles: int = 5):
        # the particles' plate is left of the one plate (the images) that a classifier has
        super().__init__(  # type: ignore[no-untyped-call]
            num_particles=num_particles, vectorize_particles=True, max_plate_nesting=1
        )

    def _get_trace(self, model: Any, guide: Any, args: Any, kwargs: Any) -> tuple[Trace, Trace]:
        guide_trace = poutine.trace(guide).get_trace(*args, **kwargs)
        replayed = poutine.replay(model, trace=guide_trace)
        model_trace = poutine.trace(replayed).get_trace(*args, **kwargs)
        return prune_subsample_sites(model_trace), prune_subsample_sites(guide_trace)

    @abstractmethod
    def pool(self, likelihood: Any, labels: Tensor) -> Tensor:
        """Return the pooled log-likelihood of each image.

        Args:
            likelihood: Pyro's Categorical of the labels, batch shape (sample, example), or
                (example,) for one particle.
            labels: observed labels, shape (example,).
        """

    def differentiable_loss(self, model: Any, guide: Any, *args: Any, **kwargs: Any) -> Tensor:
        """Draw the particles and return the loss, as Pyro's method of this name does."""
        draw: Any = self._get_vectorized_trace  # untyped
        traces = draw(model, guide, args, kwargs)
        # their values are of many types
        nodes, guide_nodes = (dict[str, Any](trace.nodes) for trace in traces)
        loss = torch.zeros(())
        for name, site in nodes.items():
            if site["type"] != "sample":
                continue
            if site["is_observed"]:
                pooled = self.pool(site["fn"], site["value"])
                loss = loss - scale_and_mask(pooled, site["scale"]).sum()
            else:
                drawn = guide_nodes[name]
                divergence = _divergence(drawn["fn"], site["fn"], drawn["value"])
                total = scale_and_mask(divergence, drawn["scale"]).sum()
                loss = loss + total / self.num_particles  # one for each particle
        return loss


def _divergence(q: Any, p: Any, value: Tensor) -> Tensor:
    """Return KL(q ‖ p), or its estimate at a draw of q where no closed form is known."""
    try:
        return kl_divergence(q, p)
    except NotImplementedError:
        estimate: Tensor = q.log_prob(value) - p.log_prob(value)
        return estimate


class MeanELBO(PooledELBO):
    r"""The evidence lower bound: $\frac1S \sum_s \log p(y_n \mid x_n, \theta_s)$ of each image.

    A test holds it to Pyro's ``TraceMeanField_ELBO``.
    """

    def pool(self, likelihood: Any, labels: Tensor) -> Tensor:
        """Return mean_s log p(y_n | x_n, θ_s), shape (example,)."""
        log_prob: Tensor = likelihood.log_prob(labels)
        return log_prob if log_prob.ndim == 1 else log_prob.mean(0)


class MixtureELBO(PooledELBO):
    r"""The infinite mixture's objective.

    Maximises $\sum_n [\operatorname{logsumexp}_s \log p(y_n \mid x_n, \theta_s) - \log S]
    - \mathrm{KL}$. The log-mean-exp is taken for each image, so Pyro's ``RenyiELBO`` (one for a
    whole batch) is another objective. With one particle it is the ELBO.

    References:
        Däubener & Fischer, arXiv 2008.03209, 2020, equation 7.
    """

    def pool(self, likelihood: Any, labels: Tensor) -> Tensor:
        """Return log mean_s p(y_n | x_n, θ_s), shape (example,)."""
        log_prob: Tensor = likelihood.log_prob(labels)
        if log_prob.ndim == 1:
            return log_prob
        return log_prob.logsumexp(0) - math.log(len(log_prob))


class AveragedLogitsELBO(PooledELBO):
    """Cross-entropy of the logits averaged over the samples (noisy copies) of each image."""

    def pool(self, likelihood: Any, labels: Tensor) -> Tensor:
        """Return log softmax(mean_s z_s)_y, shape (example,)."""
        logits = likelihood.logits  # normalised per sample, which the softmax does not see
        if logits.ndim == 3:
            logits = logits.mean(0)
        return -torch.nn.functional.cross_entropy(logits, labels, reduction="none")


class WeighSites(Messenger):
    """Weigh the labels' sites by ``data`` and the latent sites by ``latent``.

    Pyro's ``poutine.scale`` weighs all sites alike; here the likelihood is a mean over the batch
    and the KL counts ``kl_weight / N``.
    """

    def __init__(self, data: float, latent: float):
        super().__init__()
        self.data = data
        self.latent = latent

    def _pyro_sample(self, msg: Any) -> None:
        msg["scale"] = msg["scale"] * (self.data if msg["is_observed"] else self.latent)


OBJECTIVES: dict[str, type[PooledELBO]] = {
    "elbo": MeanELBO,
    "mixture": MixtureELBO,
    "averaged-logits": AveragedLogitsELBO,
}
