"""What every stochastic classifier is: a Pyro model and guide, and their plain evaluation."""

import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from pyrosnn.errors import ArgumentError
from pyrosnn.models.head import AutogradHead, Head
from pyrosnn.models.input_layer import Identity, InputLayer
from pyrosnn.models.trunk import Trunk

Output = Literal["probs", "logits"]
Sites = Mapping[str, Tensor]

# Integers of as many bytes: what a fingerprint takes numbers for.
WORDS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
PART = 2**22  # words that are summed at once


class StochasticClassifier(torch.nn.Module, ABC):
    r"""A random function $f(x, \Theta)$ with $\Theta$ independent of x (definition 3.1).

    A subclass writes the same function twice: as Pyro ``model`` and ``guide``, for training and
    for drawing $\theta_s$, and as ``logits``, free of Pyro and differentiable in x, for
    replaying stored samples. Parameters are ordinary ``torch.nn.Parameter`` objects of the
    module; nothing is kept in Pyro's global parameter store.

    Values of sample sites have shape (sample, example, *event); the example axis has size 1
    where one value is shared by all images (weights). Pyro gives them this shape itself when
    it vectorizes over samples, so the same tensors serve both forms.

    Attributes:
        output: what the discriminant functions f_c are, softmax probabilities or logits.
        objective: name in ``OBJECTIVES`` of the loss that it is trained with.
        per_example: whether some site is drawn anew for each image (input noise, dropout).
        vectorized_guide: whether ``Predictive`` may run the guide once for many samples.
        image_shape: shape of one image.
        num_classes: number of classes.
    """

    output: Output
    objective: str
    per_example: bool = False
    vectorized_guide: bool = True

    def __init__(self, image_shape: tuple[int, ...], num_classes: int):
        super().__init__()
        self.image_shape = tuple(image_shape)
        self.num_classes = num_classes

    @abstractmethod
    def model(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Declare the joint distribution of Θ and the labels of images x, as Pyro does."""

    @abstractmethod
    def guide(self, x: Tensor, y: Tensor | None = None) -> None:
        """Declare the distribution that Θ is drawn from at prediction: p(Θ) of the paper."""

    def after_training(self, batches: Iterator[Tensor]) -> None:
        """Set what is computed from all training images at once, when the loop is over.

        Args:
            batches: the training images, in batches.
        """
        return None

    @abstractmethod
    def logits(
        self, x: Float[Tensor, "example *image"], sites: Sites
    ) -> Float[Tensor, "*sample example class_"]:
        """Evaluate the network on stored values of the sample sites.

        Args:
            x: images.
            sites: values of the sites by name, each of shape (sample, example, *event), or
                without the two leading axes for a single sample of shared weights.

        Returns:
            Logits, shape (sample, example, class).
        """

    def trunk(self) -> Trunk | None:
        """Return the part of the network that no sample changes, evaluated once for all of them.

        A classifier that has one takes its values, not images, in :meth:`input_layer` and
        :meth:`head`: ``logits(x, sites) == head(sites)(input_layer(sites)(trunk(x)))``.
        """
        return None

    def input_layer(self, sites: Sites) -> InputLayer:
        """Return the part of the network that is affine in what it is given, for some samples.

        A network that begins with a linear layer gives it here, so that predictions along a
        line of images share its products; any other has :class:`Identity`. With it goes
        :meth:`head`: ``logits(x, sites) == head(sites)(input_layer(sites)(x))``.

        Args:
            sites: values of the sites, each of shape (sample, example, *event).
        """
        return Identity()

    def head(self, sites: Sites) -> Head:
        """Return what follows the input layer; by default ``logits``, for want of a trunk."""
        return AutogradHead(lambda features: self.logits(features, sites))

    def discriminants(
        self, x: Float[Tensor, "example *image"], sites: Sites
    ) -> Float[Tensor, "*sample example class_"]:
        """Evaluate f_c(x, θ_s): the softmax of the logits, or the logits, as ``output`` says."""
        logits = self.logits(x, sites)
        return logits.softmax(-1) if self.output == "probs" else logits

    @property
    @abstractmethod
    def floats_per_example(self) -> int:
        """How many floats one image needs for one sample: sizes the chunks of an evaluation.

        What the trunk needs is not among them.
        """

    @property
    def dtype(self) -> torch.dtype:
        """The floating-point type of parameters and buffers, and so of the images."""
        return self._example.dtype

    def fingerprint(self) -> int:
        """Return a number that changes with parameters and buffers; exact on any machine.

        Sample sets carry it, so that one classifier is not evaluated on another's samples. It
        guards against mistakes, not against intent: see ``model_digest`` for an identity.
        """
        sums = []
        for tensor in self._tensors:
            words = tensor.detach().contiguous().flatten().view(WORDS[tensor.element_size()])
            total, before = 0, 0
            for part in words.split(PART):
                positions = torch.arange(1, len(part) + 1, device=words.device) + before
                total += int((part.to(torch.int64) * positions).sum())
                before += len(part)
            sums.append(total)
        return zlib.crc32(repr((type(self).__name__, self.image_shape, sums)).encode())

    @property
    def device(self) -> torch.device:
        """The device of parameters and buffers."""
        return self._example.device

    @property
    def _tensors(self) -> Iterator[Tensor]:
        """What decides the outputs: parameters, and buffers such as running statistics."""
        return chain(self.parameters(), self.buffers())

    @property
    def _example(self) -> Tensor:
        """The first tensor of floating-point numbers; one of the default type if there is none."""
        return next((t for t in self._tensors if t.is_floating_point()), torch.empty(0))


def no_classifier(origin: str, found: Any) -> ArgumentError:
    """Return the error for something else than a classifier, often a plain module.

    Args:
        origin: where it comes from, as the sentence begins.
        found: what was given.

    Example:
        >>> print(str(no_classifier("the classifier is", torch.nn.ReLU())).partition(";")[0])
        the classifier is a ReLU, expected a StochasticClassifier
    """
    return ArgumentError(
        f"{origin} a {type(found).__name__}, expected a StochasticClassifier; wrap it with an "
        "adapter of pyrosnn.adapters (MCDropout, PyroClassifier, …)"
    )
