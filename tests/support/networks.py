"""Networks with noise at every kind of place, in float64, for tests of their derivatives."""

from collections.abc import Callable

import torch
from torch import Tensor

from pyrosnn.networks.network import (
    INPUT,
    Edits,
    Features,
    Network,
    Weights,
    apply,
    scale,
    shift,
)

Edit = Callable[[Network, int, int], Edits]


def exact(network: Network) -> Network:
    """Return a network in float64, with running statistics that were moved."""
    for name, value in network.named_buffers():
        if name.endswith("running_var"):
            value.uniform_(0.5, 2.0)
        elif name.endswith("running_mean"):
            value.normal_()
    doubled: Network = network.double().requires_grad_(False)
    return doubled


def draw(*shape: int) -> Tensor:
    """Draw standard normal numbers in float64."""
    return torch.randn(shape, dtype=torch.float64)


def weights(*places: str) -> Edit:
    """Return an edit of the weights of places; of all that have some by default."""

    def edit(network: Network, samples: int, images: int) -> Edits:
        def noisy(place: str) -> Tensor:
            matrix = network.matrix(place)
            return matrix + 0.1 * draw(samples, *matrix.shape)

        chosen = network.weight_places(places or None)
        return {place: [Weights(noisy(place))] for place in chosen}

    return edit


def features(kind: Callable[[Tensor], Features], *places: str, per_example: bool = True) -> Edit:
    """Return an edit of features, number by number."""

    def edit(network: Network, samples: int, images: int) -> Edits:
        number = images if per_example else 1
        return {
            place: [kind(1 + draw(samples, number, *network.place(place).shape))]
            for place in network.feature_places(places or None)
        }

    return edit


def curved(network: Network, samples: int, images: int) -> Edits:
    """An edit that torch differentiates."""
    place = network.default_places[0]
    epsilon = draw(samples, images, *network.place(place).shape)
    return {place: [apply(lambda h: (h + epsilon).sin(), samples)]}


def several(network: Network, samples: int, images: int) -> Edits:
    """Weights and features of one place, and the image."""
    place = network.weighted_places()[-1]
    both = [*weights(place)(network, samples, images)[place], shift(draw(samples, 1, 10))]
    return {INPUT: [shift(draw(samples, images, *network.image_shape))], place: both}


EDITS: dict[str, Edit] = {
    "all weights": weights(),
    "masks": features(scale),
    "shared masks": features(scale, per_example=False),
    "the image": features(shift, INPUT),
    "shifts": features(shift),
    "a function": curved,
    "several": several,
}
