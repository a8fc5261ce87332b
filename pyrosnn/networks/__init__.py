"""Architectures, free of Pyro: one file and one line in ``NETWORKS`` for each.

The table holds import paths, so that reading the names, as ``--help`` does, loads nothing.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pyrosnn.errors import resolve, row_of
from pyrosnn.settings import declared

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
    return {one.name: one.default for one in declared(row_of(NETWORKS, name, "network"))}


def build_network(
    name: str,
    image_shape: tuple[int, ...],
    num_classes: int,
    options: Mapping[str, Any] | None = None,
    **extra: Any,
) -> "Network":
    """Build a network; its weights come from torch's current random state.

    Args:
        name: a name in ``NETWORKS``.
        image_shape: shape of one image.
        num_classes: number of classes.
        options: see :func:`network_options`.
        **extra: further arguments of the network, such as ``last`` of ``dense``.

    Raises:
        UnknownNameError: for an unknown network.
    """
    network: Network = resolve(NETWORKS, name, "network")(
        image_shape, num_classes, **(options or {}), **extra
    )
    return network
