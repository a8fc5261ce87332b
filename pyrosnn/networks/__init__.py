"""Architectures, free of Pyro: one file and one line in ``NETWORKS`` for each.

The table holds import paths, so that reading the names, as ``--help`` does, loads nothing.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pyrosnn.errors import resolve

if TYPE_CHECKING:
    from pyrosnn.networks.network import Network

NETWORKS = {
    "dense": "pyrosnn.networks.dense:dense",
    "cnn": "pyrosnn.networks.cnn:cnn",
    "resnet": "pyrosnn.networks.resnet:resnet",
}


def network_options(name: str) -> dict[str, Any]:
    """Return the options of a network and their defaults.

    Raises:
        UnknownNameError: ``unknown network 'dens'; did you mean 'dense'? (dense, cnn, resnet)``.

    Example:
        >>> network_options("dense")
        {'hidden': (128, 128), 'activation': 'relu'}
    """
    return options_of(resolve(NETWORKS, name, "network"))


def options_of(make: Callable[..., Any]) -> dict[str, Any]:
    """Return the options of a model's row: parameters with a default that are not keyword-only.

    Keyword-only parameters are for Python: places of a noise, and values that are not plain.

    Args:
        make: a function or a class.
    """
    parameters = inspect.signature(make).parameters.values()
    return {
        p.name: p.default
        for p in parameters
        if p.kind is p.POSITIONAL_OR_KEYWORD and p.default is not p.empty
    }


def build_network(
    name: str,
    image_shape: tuple[int, ...],
    num_classes: int,
    options: Mapping[str, Any] | None = None,
    **given: Any,
) -> "Network":
    """Build a network; its weights come from torch's current random state.

    Args:
        name: a name in ``NETWORKS``.
        image_shape: shape of one image.
        num_classes: number of classes.
        options: see :func:`network_options`.
        given: what else the network takes, such as ``last`` of ``dense``.

    Raises:
        UnknownNameError: for an unknown network.
    """
    network: Network = resolve(NETWORKS, name, "network")(
        image_shape, num_classes, **(options or {}), **given
    )
    return network
