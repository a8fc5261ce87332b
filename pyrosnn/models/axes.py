"""The axes of sample sites: Pyro's draws, extended by axes of samples and images."""

from collections.abc import Callable, Mapping
from typing import Any

import pyro
from pyro import poutine
from pyro.poutine.messenger import Messenger
from pyro.poutine.util import prune_subsample_sites
from torch import Tensor


class EventDims(Messenger):
    """A handler that notes how many axes one value of each sample site has.

    Attributes:
        num_axes: numbers of axes by site.
    """

    def __init__(self) -> None:
        super().__init__()
        self.num_axes: dict[str, int] = {}

    def _pyro_post_sample(self, message: Any) -> None:
        self.num_axes[message["name"]] = message["fn"].event_dim


def one_sample(program: Callable[[Tensor], Any], x: Tensor) -> dict[str, Tensor]:
    """Run a Pyro program once, and return the values of its sample sites with all axes.

    Args:
        program: a guide.
        x: what it is given.
    """
    with pyro.validation_enabled(False):
        trace: Any = prune_subsample_sites(poutine.trace(program).get_trace(x))
    nodes = {name: trace.nodes[name] for name in trace.stochastic_nodes}
    drawn = {name: node["value"] for name, node in nodes.items()}
    return with_axes(drawn, {name: node["fn"].event_dim for name, node in nodes.items()})[0]


def with_axes(
    drawn: Mapping[str, Tensor], event_dims: Mapping[str, int]
) -> tuple[dict[str, Tensor], bool]:
    """Return values with the axes (sample, example or 1, *event).

    Args:
        drawn: values as Pyro draws them: one sample has no axis of samples, and what all images
            share has no axis of images then.
        event_dims: numbers of axes of one value, by site.

    Returns:
        The values, and whether they are one sample.
    """
    axes = {name: value.ndim - event_dims[name] for name, value in drawn.items()}
    one = max(axes.values()) < 2
    missing = {name: value[(None,) * (2 - axes[name])] for name, value in drawn.items()}
    return missing, one
