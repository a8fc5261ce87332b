"""`mixture`: the likelihood of the mixture of all samples."""

import math
from typing import Any

from torch import Tensor

from pyrosnn.training.objectives.pooled import PooledELBO


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
