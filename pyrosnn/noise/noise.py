"""The interface of a noise: its places, the law of its values, and their effect."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from pyrosnn.networks.network import Edits, Kinds, Network
from pyrosnn.settings import check_fields
from pyrosnn.shapes import Sites

Laws = Mapping[str, Any]  # distributions of Pyro, by site


@dataclass(eq=False, repr=False)
class Noise(torch.nn.Module, ABC):
    """The random variables of a network, each a sample site.

    A noise is placed once, on one network, and may then have parameters of its own. It does not
    hold the network: that is given to each of its methods. A noise with nothing to learn has a
    posterior alone, which is its prior, too.

    A noise is a dataclass. Its fields up to ``_: KW_ONLY`` are options of the rows of ``MODELS``,
    and so of the command line; those after it are for Python alone. It cannot be frozen, for a
    module holds parameters.

    Attributes:
        per_example: draw values for each image (noise), not for all (weights).
        placed: whether it is part of a classifier already.
        image_shape: shape of the images that it is given, once it is part of a classifier.
    """

    panel: ClassVar[str] = "noise"
    per_example = False  # without a type: a dataclass that makes it a field decides its place
    placed = False
    image_shape = tuple[int, ...]()

    def __post_init__(self) -> None:
        """Check the values of the fields.

        Raises:
            ArgumentError: ``noise_variance must be > 0 and finite, got 0``.
        """
        torch.nn.Module.__init__(self)
        check_fields(self)

    def shape_after(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of images after this noise; another one only for some at the input.

        Args:
            image_shape: shape of one image before.
        """
        return image_shape

    @abstractmethod
    def place(self, network: Network) -> None:
        """Check the places, and create the parameters that depend on their shapes.

        Raises:
            ArgumentError, UnknownNameError: for places where this noise cannot be.
        """

    @property
    @abstractmethod
    def site_names(self) -> list[str]:
        """Names of the sample sites, in the order of drawing."""

    @abstractmethod
    def kinds(self) -> Kinds:
        """Return the kinds of the edits by place; they do not depend on values."""

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
        """Return the edits that drawn values make, by place.

        Args:
            network: where the noise was placed.
            sites: values by name, each of shape (sample, example or 1, *event).
        """

    def without_decay(self) -> Iterable[torch.nn.Parameter]:
        """Return the parameters that weight decay leaves alone, such as learned scales."""
        return ()

    def before_training(self) -> None:
        """Undo ``after_training``."""
        return None

    def after_step(self) -> None:
        """Bring parameters back to where they may be, after a step of the optimizer."""
        return None

    def after_training(self, network: Network, batches: Iterable[Tensor]) -> None:
        """Set the parameters that are computed from all training images after the loop."""
        return None
