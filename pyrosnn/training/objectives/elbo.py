"""`elbo`: the evidence lower bound."""

from typing import Any

from torch import Tensor

from pyrosnn.training.objectives.pooled import PooledELBO


class MeanELBO(PooledELBO):
    r"""The evidence lower bound: $\frac1S \sum_s \log p(y_n \mid x_n, \theta_s)$ of each image.

    A test holds it to Pyro's ``TraceMeanField_ELBO``.
    """

    def pool(self, likelihood: Any, labels: Tensor) -> Tensor:
        """Return mean_s log p(y_n | x_n, θ_s), shape (example,)."""
        log_prob: Tensor = likelihood.log_prob(labels)
        return log_prob if log_prob.ndim == 1 else log_prob.mean(0)
