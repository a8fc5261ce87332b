"""What a noise is: where it sits, how its values are drawn, and what they change."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from pyrosnn.networks.network import Edits, Kinds, Network
from pyrosnn.shapes import Sites

Laws = Mapping[str, Any]  # distributions of Pyro, by site


class Noise(torch.nn.Module, ABC):
    """Random variables of a network, each a sample site.

    A noise is placed once, on one network, and may then have parameters of its own. It does not
    hold the network: that is given to each of its methods. A noise with nothing to learn has a
    posterior alone, which is its prior, too.

    Attributes:
        per_example: whether values are drawn for each image (noise), or for all (weights).
        placed: whether it is part of a classifier already.
    """

    per_example: bool = False
    placed: bool = False

    @abstractmethod
    def place(self, network: Network) -> None:
        """Check the places, and make the parameters that depend on their shapes.

        Raises:
            ArgumentError, UnknownNameError: for places where this noise cannot be.
        """

    @property
    @abstractmethod
    def site_names(self) -> list[str]:
        """Names of its sample sites, in the order in which they are drawn."""

    @abstractmethod
    def kinds(self) -> Kinds:
        """Return the kinds of the edits by place, which no value decides."""

    @abstractmethod
    def posterior(self, network: Network, like: Tensor) -> Laws:
        """Return the distribution of each site at prediction, by name.

        Args:
            network: where the noise was placed.
            like: gives device and type.
        """

    def prior(self, network: Network, like: Tensor) -> Laws:
        """Return the distribution of each site before the data were seen."""
        return self.posterior(network, like)

    @abstractmethod
    def edits(self, network: Network, sites: Sites) -> Edits:
        """Return what drawn values change, by place.

        Args:
            network: where the noise was placed.
            sites: values by name, each of shape (sample, example or 1, *event).
        """

    def before_training(self) -> None:
        """Forget what ``after_training`` set."""
        return None

    def after_training(self, network: Network, batches: Iterable[Tensor]) -> None:
        """Set what is computed from all training images at once, when the loop is over."""
        return None
