"""Sample sites at the means of their laws."""

from typing import Any

import torch
from pyro.distributions import Delta
from pyro.poutine.messenger import Messenger
from pyro.poutine.subsample_messenger import _Subsample
from torch import Tensor

from pyrosnn.errors import NoNoiseFreeError


class AtMeans(Messenger):
    """A handler that sets each sample site to the mean of its law, in place of a draw.

    A law that depends on earlier sites is that at their means.
    """

    def _pyro_sample(self, message: Any) -> None:
        law = message["fn"]
        if not isinstance(law, _Subsample) and message["value"] is None:
            message["fn"] = Delta(mean_of(message["name"], law), event_dim=law.event_dim)


def mean_of(name: str, law: Any) -> Tensor:
    """Return the mean of a law.

    Args:
        name: of the site.
        law: a distribution of Pyro.

    Raises:
        NoNoiseFreeError: for one that has none, as a Categorical.

    Example:
        >>> from pyro.distributions import Bernoulli
        >>> mean_of("mask", Bernoulli(torch.tensor(0.75)))
        tensor(0.7500)
    """
    try:
        mean: Tensor = law.mean
    except NotImplementedError:
        mean = torch.tensor(torch.nan)
    if not bool(mean.isfinite().all()):
        raise NoNoiseFreeError(
            f"there is no noise-free network: the law of site '{name}' ({type(law).__name__}) has "
            "no mean; take a network of your own in its place"
        )
    return mean
