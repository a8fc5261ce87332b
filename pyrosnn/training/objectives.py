r"""Training losses for ``pyro.infer.SVI``: how the samples of one step are pooled per image.

All of them are (per image, with N training images) a likelihood term plus
``kl_weight`` · KL(guide ‖ prior) / N, and differ in the likelihood term:

=================  ==========================================================================
``elbo``           mean over samples of the log-likelihood: Pyro's ``TraceMeanField_ELBO``
``mixture``        log of the mean likelihood of each image
``averaged-logits``  log-likelihood of each image under the averaged logits
=================  ==========================================================================
"""

import math
from abc import abstractmethod
from typing import Any

import torch
from pyro.distributions.util import scale_and_mask
from pyro.infer import TraceMeanField_ELBO
from pyro.poutine.messenger import Messenger
from pyro.poutine.trace_struct import Trace
from torch import Tensor
from torch.distributions.kl import kl_divergence


def _vectorized(num_particles: int) -> dict[str, Any]:
    """All particles at once, left of the one plate (the images) that a classifier has."""
    return {
        "num_particles": num_particles,
        "vectorize_particles": True,
        "max_plate_nesting": 1,
    }


class PooledELBO(TraceMeanField_ELBO):
    r"""An ELBO-like loss whose likelihood term pools the particles of each image.

    $-\sum_n \mathrm{pool}_s\, p(y_n \mid x_n, \theta_s) + \mathrm{KL}(q \,\|\, p)$, with
    analytic KL terms and all particles evaluated at once.

    Args:
        num_particles: how many samples a step draws.
    """

    def __init__(self, num_particles: int = 5):
        super().__init__(**_vectorized(num_particles))  # type: ignore[no-untyped-call]

    @abstractmethod
    def pool(self, likelihood: Any, labels: Tensor) -> Tensor:
        """Return the pooled log-likelihood of each image.

        Args:
            likelihood: Pyro's Categorical of the labels, batch shape (sample, example), or
                (example,) for one particle.
            labels: observed labels, shape (example,).
        """

    def _differentiable_loss_particle(
        self, model_trace: Trace, guide_trace: Trace
    ) -> tuple[float, Tensor]:
        log_likelihood, kl = torch.zeros(()), torch.zeros(())
        nodes: dict[str, Any] = dict(model_trace.nodes)  # their values are of many types
        guide_nodes: dict[str, Any] = dict(guide_trace.nodes)
        for name, site in nodes.items():
            if site["type"] != "sample":
                continue
            if site["is_observed"]:
                pooled = self.pool(site["fn"], site["value"])
                log_likelihood = log_likelihood + scale_and_mask(pooled, site["scale"]).sum()
            else:
                guide_site = guide_nodes[name]
                divergence = kl_divergence(guide_site["fn"], site["fn"])
                kl = kl + scale_and_mask(divergence, guide_site["scale"]).sum()
        # kl was summed over the particle axis; the caller divides all by num_particles
        loss = kl - self.num_particles * log_likelihood
        return loss.item(), loss


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


def elbo(num_particles: int) -> TraceMeanField_ELBO:
    """Return Pyro's ELBO with analytic KL terms, all particles evaluated at once."""
    return TraceMeanField_ELBO(**_vectorized(num_particles))


OBJECTIVES = {"elbo": elbo, "mixture": MixtureELBO, "averaged-logits": AveragedLogitsELBO}
