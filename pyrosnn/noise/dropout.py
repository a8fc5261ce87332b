"""`dropout`: masks of dropout that stays random at prediction (MC dropout)."""

from collections.abc import Collection

from torch import Tensor

from pyrosnn.errors import require
from pyrosnn.networks.network import Edits, Network, scale
from pyrosnn.noise.at_places import AtPlaces
from pyrosnn.noise.keep_mask import KeepMask
from pyrosnn.noise.noise import Laws
from pyrosnn.shapes import Sites


class Dropout(AtPlaces):
    """Dropout after each of some places; kept units are divided by 1 - dropout.

    The mask of features of shape (channel, height, width) has the shape (height, width, channel),
    as networks have them in memory.

    Args:
        dropout: probability that a unit is dropped; the paper's ResNets have 0.3 and 0.6.
        per_example: draw masks for each image (the field's practice) or share them among images.
        channels: drop whole channels, the first axis of the features, not single units.
        places: names of places; by default the network's own choice.
        site: the sites are called ``mask_0``, ``mask_1``, … in the order of the places.

    References:
        Y. Gal, Z. Ghahramani, Dropout as a Bayesian approximation, ICML 2016.
    """

    def __init__(
        self,
        dropout: float = 0.3,
        per_example: bool = True,
        *,
        channels: bool = False,
        places: Collection[str] | None = None,
        site: str = "mask",
    ):
        super().__init__(places, site)
        require(0 < dropout < 1, f"dropout must be in (0, 1), got {dropout}")
        self.dropout = dropout
        self.per_example = per_example
        self.channels = channels

    def posterior(self, network: Network, like: Tensor) -> Laws:
        """Return the masks: nothing of them is learned."""
        laws = {}
        for name, place in self.place_of.items():
            channels, *size = network.place(place).shape
            event = (channels,) if self.channels else (*size, channels)
            laws[name] = KeepMask(1 - self.dropout, event, device=like.device)
        return laws

    def edits(self, network: Network, sites: Sites) -> Edits:
        """Return the product of features and masks."""
        edits = {}
        for name, place in self.place_of.items():
            like = network.place(place).shape
            mask = sites[name].to(network.dtype) / (1 - self.dropout)
            if self.channels:
                mask = mask[..., *[None] * (len(like) - 1)]
            elif len(like) > 1:
                mask = mask.movedim(-1, -len(like))
            edits[place] = [scale(mask)]
        return edits
