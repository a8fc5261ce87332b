"""The head of a network: its last layer with weights, which returns the logits."""

import math

import torch

from pyrosnn.errors import require
from pyrosnn.networks.network import Network


def head_of(network: Network, what: str) -> str:
    """Return the place of the last layer with weights, of which the values are the logits.

    Args:
        network: the network.
        what: what needs it, for errors.

    Raises:
        ArgumentError: for a network without a layer below, or that does more after it.
    """
    weighted = network.weighted_places()
    require(len(weighted) >= 1, f"{what} needs a layer with weights")
    require(
        len(weighted) >= 2,
        f"{what} needs a hidden layer below '{weighted[-1]}', the only layer with weights",
    )
    head = weighted[-1]
    require(
        _returns_logits(network, head),
        f"the network does more after '{head}', its last layer with weights, than return its "
        "values; put the rest before it",
    )
    return head


def _returns_logits(network: Network, head: str) -> bool:
    matrix = network.matrix(head).detach()
    if network.place(head).shape != (network.num_classes,):
        return False
    if matrix.device.type == "meta":  # an outline, without values
        return True
    number = 2 * math.prod(network.image_shape)
    x = torch.linspace(0, 1, number, dtype=matrix.dtype, device=matrix.device)
    with torch.no_grad():
        x = x.reshape(2, *network.image_shape)
        h, logits = network.inputs_of(head, x), network(x)
    own = h @ matrix[: h.shape[1]] + (matrix[-1] if len(matrix) > h.shape[1] else 0.0)
    return torch.allclose(own, logits, rtol=1e-4, atol=1e-4 * float(logits.abs().max()))
