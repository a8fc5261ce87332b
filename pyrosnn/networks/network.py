"""The interface of a network: named places for noise, and its evaluation with noise.

Noise changes a place by an *edit*: other weights, or a change of the features that the place
returns. The place ``input`` is the image. Networks are free of Pyro; so are edits.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pyrosnn.errors import ArgumentError, require, unknown_name
from pyrosnn.networks.function import AffineMap, Differentiated, Function, Identity
from pyrosnn.networks.operation import Apply, Operation, Scale, Shift

INPUT = "input"


@dataclass(frozen=True)
class Place:
    """A point of a network where noise can be added.

    Attributes:
        shape: of one image's features there.
        matrix: shape (input + 1, output) of its weights with the bias as the last row, or
            (input, output) without a bias; None where there are none.
        bias: whether the matrix's last row is a bias.
    """

    shape: tuple[int, ...]
    matrix: tuple[int, int] | None = None
    bias: bool = False


@dataclass(frozen=True)
class Weights:
    """An edit that gives each sample its own weights.

    Attributes:
        matrix: shape (sample, input [+ 1], output).
    """

    matrix: Tensor


@dataclass(frozen=True)
class Features:
    """An edit that changes the features that a place returns.

    Attributes:
        operation: of the features, shape (sample or 1, example, *features).
    """

    operation: Operation


Edit = Weights | Features
Edits = Mapping[str, Sequence[Edit]]  # by place, in their order
Kinds = Mapping[str, Sequence[type[Edit]]]  # known before there are values


def kinds_of(edits: Edits) -> dict[str, list[type[Edit]]]:
    """Return the kinds of edits by place."""
    return {place: [type(edit) for edit in of_place] for place, of_place in edits.items()}


def shift(by: Tensor) -> Features:
    """Return the edit h + b, for b of shape (sample, example or 1, *features)."""
    return Features(Shift(by))


def scale(by: Tensor) -> Features:
    """Return the edit a h, for a of shape (sample, example or 1, *features)."""
    return Features(Scale(by))


def apply(function: Callable[[Tensor], Tensor], num_samples: int) -> Features:
    """Return the edit f(h), differentiated by torch.

    Args:
        function: of features, shape (sample or 1, example, *features).
        num_samples: how many samples differ in it.
    """
    return Features(Apply(function, num_samples))


@dataclass(frozen=True)
class Parts:
    """A network for the samples of a chunk: ``rest(first(x))`` are logits.

    Attributes:
        first: the part that is affine in its input, evaluated once for a line of images.
        rest: what follows; returns logits, shape (sample, example, class).
    """

    first: AffineMap
    rest: Function


class Network(torch.nn.Module, ABC):
    """A deterministic network with named places.

    Attributes:
        image_shape: shape of one image.
        num_classes: number of classes.
        places: by name, in the order of evaluation; the first is ``input``.
        default_places: where noise of features is put unless it is told.
        sum_places: sums at the ends of residual blocks; none in a plain chain of layers.
    """

    image_shape: tuple[int, ...]
    num_classes: int
    places: dict[str, Place]
    default_places: tuple[str, ...] = ()
    sum_places: tuple[str, ...] = ()

    @abstractmethod
    def logits(self, x: Tensor, edits: Edits, *, learn: bool = False) -> Tensor:
        """Return logits, shape (sample, example, class); differentiable by torch.

        Args:
            x: images, shape (example, *image) or (sample, example, *image).
            edits: by place, of as many samples each.
            learn: a training step: batch norm uses the batch's statistics, and moves its own.
        """

    @abstractmethod
    def matrix(self, place: str) -> Tensor:
        """Return the weights of a place, shape (input [+ 1], output), as a function of them."""

    @abstractmethod
    def inputs_of(self, place: str, x: Tensor) -> Tensor:
        """Return the input of a place with weights, shape (example, input), without noise.

        torch differentiates it where gradients are on.
        """

    def input_place(self, place: str) -> str:
        """Return the place whose features a layer takes.

        Raises:
            ArgumentError: for a network that does not know, as a module of one's own.
        """
        self.place(place)
        raise ArgumentError(
            f"a {type(self).__name__} does not know which place's features '{place}' takes; name "
            f"the places of the noise, of {', '.join(self.places)}"
        )

    @abstractmethod
    def takes(self, place: str, below: str) -> bool:
        """Return whether a layer takes the features of another place, and nothing in between."""

    def trunk(self, kinds: Kinds) -> Function | None:
        """Return the part before all noise, which is evaluated once for all samples."""
        return None

    def parts(self, edits: Edits) -> Parts:
        """Return the part after the trunk, for the samples of a chunk."""
        return Parts(
            Identity(), Differentiated(lambda x: self.logits(x, edits), len(self.image_shape) + 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of the network without noise, shape (example, class)."""
        return self.logits(x, {}).squeeze(0)

    @property
    def dtype(self) -> torch.dtype:
        """The floating-point type of its weights."""
        return next((v.dtype for v in self.parameters()), torch.get_default_dtype())

    def weighted_places(self) -> list[str]:
        """Return the names of the places with weights."""
        return [name for name, place in self.places.items() if place.matrix is not None]

    def place(self, name: str) -> Place:
        """Return a place.

        Raises:
            UnknownNameError: ``unknown place 'layr_0'; did you mean 'layer_0'? (…)``.
        """
        if name not in self.places:
            raise unknown_name("place", name, self.places)
        return self.places[name]

    def feature_places(self, places: Collection[str] | None) -> list[str]:
        """Return the places for a noise of features: the requested ones, or the network's default.

        Raises:
            ArgumentError: for a network that has no default, naming its places.
            UnknownNameError: for a place that it does not have.
        """
        names = self._named(self.default_places if places is None else places)
        if not names:
            raise ArgumentError(
                f"name the places of the noise, of {', '.join(self.places)}; got none"
            )
        return names

    def weight_places(self, places: Collection[str] | None) -> list[str]:
        """Return the places for a noise of weights: the requested ones, or all with weights.

        Raises:
            ArgumentError: for a place without weights.
            UnknownNameError: for a place that it does not have.
        """
        weighted = self.weighted_places()
        names = self._named(weighted if places is None else places)
        for name in names:
            require(
                name in weighted,
                f"'{name}' has no weights that noise can be put on; those that have are "
                f"{', '.join(weighted) or 'none'}",
            )
        require(len(names) >= 1, "the network has no weights that noise can be put on")
        return names

    def _named(self, places: Collection[str]) -> list[str]:
        """Return the requested places, each once; refuse unknown ones."""
        require(
            not isinstance(places, str),
            f"places must be a list of names, got '{places}'; give ['{places}']",
        )
        names = list(places)
        for name in names:
            self.place(name)
            require(names.count(name) == 1, f"the place '{name}' is named twice")
        return names
