"""A Pyro program run on given values only: no draw, no global store."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pyro
import torch
from pyro import poutine
from pyro.poutine.messenger import Messenger
from pyro.poutine.subsample_messenger import _Subsample
from torch import Tensor

from pyrosnn.adapters.pyro_labels import zeros


class FirstOfPlates(Messenger):
    """A handler that takes the first images of each minibatch, in order, where Pyro draws them.

    Attributes:
        minibatches: how many of how many each such plate takes, by its name.
    """

    def __init__(self) -> None:
        super().__init__()
        self.minibatches: dict[str, str] = {}

    def _pyro_sample(self, message: Any) -> None:
        plate = message["fn"]
        if isinstance(plate, _Subsample) and message["value"] is None:
            number = plate.size if plate.subsample_size is None else plate.subsample_size
            if number < plate.size:
                self.minibatches[message["name"]] = f"{number} of {plate.size}"
            message["value"] = torch.arange(number, device=plate.device)
            message["done"] = True


class FixedSites(FirstOfPlates):
    """A handler that gives sample sites their values, and sets labels to zero.

    Args:
        values: by site.
        drawn: sites that the program draws itself.

    Attributes:
        met: the distribution and the value of each site that the program came to.
    """

    def __init__(self, values: Mapping[str, Tensor], drawn: Collection[str] = ()):
        super().__init__()
        self._values, self._drawn = values, drawn
        self.met: dict[str, tuple[Any, Tensor]] = {}

    def _pyro_sample(self, message: Any) -> None:
        super()._pyro_sample(message)
        name, distribution = message["name"], message["fn"]
        if isinstance(distribution, _Subsample) or name in self._drawn:
            return
        if message["value"] is None:
            value = self._values.get(name)
            message["value"] = zeros(distribution) if value is None else value
            message["done"] = True
        self.met[name] = (distribution, message["value"])

    def _pyro_post_sample(self, message: Any) -> None:
        if message["name"] in self._drawn:
            self.met[message["name"]] = (message["fn"], message["value"])


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


@contextmanager
def alone(state: Any = None) -> Iterator[None]:
    """Hide a run from all outer effect handlers and from Pyro's parameter store.

    Args:
        state: the content of the store within, as ``get_state()`` gives it; empty by default.
    """
    with poutine.block(), pyro.get_param_store().scope(state):
        yield
