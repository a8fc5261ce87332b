"""The base class of objectives: one draw of the guide, on which the model is replayed."""

from abc import abstractmethod
from collections.abc import Iterator
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

    The guide is drawn once (:meth:`draw`); the model is replayed on that draw for any images
    (:meth:`evaluate`), so that clean and adversarial ones see the same particles.

    Args:
        num_particles: how many samples a step draws.
    """

    def __init__(self, num_particles: int = 5):
        # the particles' plate is left of the one plate (the images) that a classifier has
        super().__init__(  # type: ignore[no-untyped-call]
            num_particles=num_particles, vectorize_particles=True, max_plate_nesting=1
        )

    @abstractmethod
    def pool(self, likelihood: Any, labels: Tensor) -> Tensor:
        """Return the pooled log-likelihood of each image.

        Args:
            likelihood: Pyro's Categorical of the labels, batch shape (sample, example), or
                (example,) for one particle.
            labels: observed labels, shape (example,).
        """

    def draw(self, guide: Any, *args: Any, **kwargs: Any) -> Trace:
        """Draw the particles: a trace of the guide."""
        drawn: Trace = poutine.trace(self._vectorize(guide)).get_trace(*args, **kwargs)
        return drawn

    def evaluate(self, model: Any, drawn: Trace, *args: Any, **kwargs: Any) -> Trace:
        """Replay the model on the particles: a trace with the likelihood of the arguments."""
        replayed = poutine.replay(self._vectorize(model), trace=drawn)
        return prune_subsample_sites(poutine.trace(replayed).get_trace(*args, **kwargs))

    def full_loss(self, evaluated: Trace, drawn: Trace) -> Tensor:
        """Return the labels' term and the divergence of all latent sites."""
        guide_nodes = dict[str, Any](drawn.nodes)  # their values are of many types
        loss = torch.zeros(())
        for name, site in _sample_sites(evaluated):
            if site["is_observed"]:
                loss = loss - self._pooled(site)
            else:
                drawn_site = guide_nodes[name]
                divergence = _divergence(drawn_site["fn"], site["fn"], drawn_site["value"])
                total = scale_and_mask(divergence, drawn_site["scale"]).sum()
                loss = loss + total / self.num_particles  # one for each particle
        return loss

    def label_loss(self, evaluated: Trace) -> Tensor:
        """Return the labels' term alone, for further images on the same particles."""
        sites = [site for _, site in _sample_sites(evaluated) if site["is_observed"]]
        return -torch.stack([self._pooled(site) for site in sites]).sum()

    def differentiable_loss(self, model: Any, guide: Any, *args: Any, **kwargs: Any) -> Tensor:
        """Draw the particles and return the loss, as Pyro's method of this name does."""
        drawn = self.draw(guide, *args, **kwargs)
        return self.full_loss(self.evaluate(model, drawn, *args, **kwargs), drawn)

    def _pooled(self, site: dict[str, Any]) -> Tensor:
        total: Tensor = scale_and_mask(self.pool(site["fn"], site["value"]), site["scale"]).sum()
        return total

    def _vectorize(self, function: Any) -> Any:
        wrap: Any = self._vectorized_num_particles  # untyped
        return wrap(function)

    def _get_trace(self, model: Any, guide: Any, args: Any, kwargs: Any) -> tuple[Trace, Trace]:
        """Return both traces; required by Pyro's base class, unused here."""
        drawn = self.draw(guide, *args, **kwargs)
        return self.evaluate(model, drawn, *args, **kwargs), drawn


def _sample_sites(trace: Trace) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, site in dict[str, Any](trace.nodes).items():
        if site["type"] == "sample":
            yield name, site


def label_logits(evaluated: Trace) -> Tensor:
    """Return the normalised logits of the labels' distribution in a trace of a model.

    Returns:
        Shape (sample, example, class), or (example, class) for one particle.
    """
    sites = [site for _, site in _sample_sites(evaluated) if site["is_observed"]]
    logits: Tensor = sites[0]["fn"].logits
    return logits


def _divergence(q: Any, p: Any, value: Tensor) -> Tensor:
    """Return KL(q ‖ p), or its estimate at a draw of q where no closed form is known."""
    try:
        return kl_divergence(q, p)
    except NotImplementedError:
        estimate: Tensor = q.log_prob(value) - p.log_prob(value)
        return estimate


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
