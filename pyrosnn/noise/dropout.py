"""`dropout`: dropout masks that stay random at prediction (MC dropout)."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated

from annotated_types import Gt, Lt
from torch import Tensor

from pyrosnn.networks.network import Edits, Network, scale
from pyrosnn.noise.at_places import AtPlaces
from pyrosnn.noise.keep_mask import KeepMask
from pyrosnn.noise.noise import Laws
from pyrosnn.shapes import Sites


@dataclass(eq=False, repr=False)
class Dropout(AtPlaces):
    """Dropout after the given places; kept units are divided by 1 - dropout.

    The mask of features of shape (channel, height, width) has the shape (height, width, channel),
    as networks have them in memory.

    Attributes:
        dropout: probability of dropping a unit; the paper has 0.3 and 0.6.
        per_example: draw a mask for each image, as is usual, instead of one for all.
        channels: drop whole channels, the first axis of the features, not single units.
        places: names of places; by default the network's own choice.
        site: the sites are called ``mask_0``, ``mask_1``, … in the order of the places.

    References:
        Y. Gal, Z. Ghahramani, Dropout as a Bayesian approximation, ICML 2016.
    """

    dropout: Annotated[float, Gt(0), Lt(1)] = 0.3
    per_example: bool = True
    _: KW_ONLY
    channels: bool = False
    site: str = "mask"

    def posterior(self, network: Network, like: Tensor) -> Laws:
        """Return the distribution of the masks, which has no learned parameters."""
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
