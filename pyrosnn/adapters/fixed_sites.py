"""A Pyro program run on given values only: no draw, no global store."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pyro
import torch
from pyro import poutine
from pyro.distributions import Categorical, Independent, OneHotCategorical
from pyro.poutine.messenger import Messenger
from pyro.poutine.subsample_messenger import _Subsample
from torch import Tensor

from pyrosnn.errors import ArgumentError

LABELS = (Categorical, OneHotCategorical)


class FixedSites(Messenger):
    """A handler that gives sample sites their values, and sets labels to zero.

    Args:
        values: by site.

    Attributes:
        met: the distribution and the value of each site that the program came to.
    """

    def __init__(self, values: Mapping[str, Tensor]):
        super().__init__()
        self._values = values
        self.met: dict[str, tuple[Any, Tensor]] = {}

    def _pyro_sample(self, message: Any) -> None:
        name, distribution = message["name"], message["fn"]
        if isinstance(distribution, _Subsample):
            return
        if message["value"] is None:
            value = self._values.get(name)
            message["value"] = zeros(distribution) if value is None else value
            message["done"] = True
        self.met[name] = (distribution, message["value"])


class FixedParameters(Messenger):
    """A handler that gives ``pyro.param`` statements their values.

    Args:
        values: by name; others come from the store, or are the parameter itself of a module.
    """

    def __init__(self, values: Mapping[str, Tensor]):
        super().__init__()
        self._values = values

    def _pyro_param(self, message: Any) -> None:
        if message["name"] in self._values:
            message["value"] = self._values[message["name"]]
            message["done"] = True
        elif len(message["args"]) > 1 and isinstance(message["args"][1], torch.nn.Parameter):
            # a plain parameter of a PyroModule: the store need not know it, and cannot in vmap
            message["value"] = message["args"][1]
            message["done"] = True


def zeros(distribution: Any) -> Tensor:
    """Return zeros in the shape of a distribution's values: class 0 of a label."""
    dtype = torch.long if isinstance(distribution, Categorical) else None
    return torch.zeros(distribution.shape(), dtype=dtype)


@contextmanager
def alone(state: Any = None) -> Iterator[None]:
    """Hide a run from all outer effect handlers and from Pyro's parameter store.

    Args:
        state: the content of the store within, as ``get_state()`` gives it; empty by default.
    """
    with poutine.block(), pyro.get_param_store().scope(state):
        yield


def logits_at(name: str, met: Mapping[str, tuple[Any, Tensor]]) -> Tensor:
    """Return the logits of a label's site, or the value of a deterministic site.

    Args:
        name: the site.
        met: distributions and values by site.

    Raises:
        ArgumentError: if there is no such site, or it is of another distribution.
    """
    if name not in met:
        raise ArgumentError(f"the model has no site '{name}'; it has {', '.join(met)}")
    distribution, value = met[name]
    while isinstance(distribution, Independent):
        distribution = distribution.base_dist
    if isinstance(distribution, LABELS):
        logits: Tensor = distribution.logits
        return logits
    if value.is_floating_point():
        return value
    raise ArgumentError(
        f"site '{name}' is a {type(distribution).__name__}, expected a Categorical, a "
        "OneHotCategorical, or pyro.deterministic with the logits"
    )
