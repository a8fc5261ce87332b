"""The part of a network that is affine in the image: evaluated once for a whole line of images.

A layer φ with φ(x + t v) = φ(x) + t φ'(v) needs two products for all points of a line and for the
derivative along it. What follows it is evaluated on *features* φ(x).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor

from pyrosnn.models.affine import affine


class InputLayer(ABC):
    """An affine map of images to features, for the samples of a chunk."""

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """Return φ(x), for images of shape (example, *image)."""

    @abstractmethod
    def push(self, v: Tensor) -> Tensor:
        """Return φ'(v), the linear part, such that φ(x) + t φ'(v) broadcasts to φ(x + t v)."""

    @abstractmethod
    def pull(self, u: Tensor) -> Tensor:
        """Return the transposed map of features' cotangents, summed over samples: like x."""


@dataclass(frozen=True)
class Identity(InputLayer):
    """The features are the images: right for every network, and what a new model has."""

    def __call__(self, x: Tensor) -> Tensor:
        """Return x."""
        return x

    def push(self, v: Tensor) -> Tensor:
        """Return v."""
        return v

    def pull(self, u: Tensor) -> Tensor:
        """Return u: images have no axis of samples to sum over."""
        return u


@dataclass(frozen=True)
class DenseInput(InputLayer):
    """The pre-activations of a first dense layer, shape (sample, example, unit).

    Attributes:
        weight: shape (sample, input, unit), or (1, input, unit) where samples share it.
        bias: shape (sample, example or 1, unit).
        image_shape: shape of one image.
    """

    weight: Tensor
    bias: Tensor
    image_shape: tuple[int, ...]

    def _flat(self, x: Tensor) -> Tensor:
        return x.flatten(-len(self.image_shape))

    def __call__(self, x: Tensor) -> Tensor:
        """Return x W + b."""
        return affine(self._flat(x), self.weight, self.bias)

    def push(self, v: Tensor) -> Tensor:
        """Return v W."""
        return self._flat(v) @ self.weight

    def pull(self, u: Tensor) -> Tensor:
        """Return Σ_s u_s W_sᵀ."""
        if len(self.weight) == 1:
            total = u.sum(0) @ self.weight[0].mT
        else:
            # one product with the samples among its columns: no pass over images for each sample
            columns = self.weight.transpose(0, 1).flatten(1)
            total = u.transpose(0, 1).flatten(1) @ columns.mT
        return total.reshape(-1, *self.image_shape)
