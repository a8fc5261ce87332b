"""A differentiable function of features: its values, and its derivatives in both directions."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pyrosnn.errors import NoGradientError
from pyrosnn.networks.forward_mode import dual_pass

VectorJacobianProduct = Callable[[Tensor], Tensor]


class Function(ABC):
    """A function of features, for the samples of a chunk; features are never changed."""

    @property
    def affine(self) -> bool:
        """Whether the function is known to be affine."""
        return False

    @abstractmethod
    def __call__(self, h: Tensor) -> Tensor:
        """Return the value, without a graph."""

    @abstractmethod
    def jvp(self, h: Tensor, steps: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Return the value, and its derivative along each of the steps."""

    @abstractmethod
    def vjp(self, h: Tensor) -> tuple[Tensor, VectorJacobianProduct]:
        """Return the value, and the map of its cotangents to those of the features."""


class AffineMap(ABC):
    """An affine map, whose derivatives need no value, and which takes one evaluation per line."""

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """Return φ(x)."""

    @abstractmethod
    def jvp(self, v: Tensor) -> Tensor:
        """Return φ'(v), the linear part, such that φ(x) + t φ'(v) broadcasts to φ(x + t v)."""

    @abstractmethod
    def vjp(self, u: Tensor) -> Tensor:
        """Return the transposed map of cotangents, summed over samples: like x."""


@dataclass(frozen=True)
class Identity(AffineMap):
    """The identity map, valid as a trunk of every network."""

    def __call__(self, x: Tensor) -> Tensor:
        """Return x."""
        return x

    def jvp(self, v: Tensor) -> Tensor:
        """Return v."""
        return v

    def vjp(self, u: Tensor) -> Tensor:
        """Return u: x has no axis of samples to sum over."""
        return u


@dataclass(frozen=True)
class Differentiated(Function):
    """Any function, differentiated by torch.

    Attributes:
        function: features to values.
    """

    function: Callable[[Tensor], Tensor]

    def __call__(self, h: Tensor) -> Tensor:
        """Return the value."""
        with torch.no_grad():
            return self.function(h)

    def jvp(self, h: Tensor, steps: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Differentiate in forward mode, once per step; the first pass also gives the value."""
        passes = [dual_pass(self.function, h, step) for step in steps]
        for _, tangent in passes:
            if tangent is None:
                raise no_gradient()
        value = passes[0][0] if passes else self(h)
        return value, [tangent for _, tangent in passes if tangent is not None]

    def vjp(self, h: Tensor) -> tuple[Tensor, VectorJacobianProduct]:
        """Record an autograd graph from the features to the values."""
        h = h.detach().requires_grad_()
        with torch.enable_grad():
            values = self.function(h)
        return values.detach(), lambda cotangents: gradient_at(h, values, cotangents)


def gradient_at(x: Tensor, values: Tensor, cotangents: Tensor) -> Tensor:
    """Return the cotangents of x, given those of a value computed from it; keep the graph.

    Args:
        x: tensor from which the values were computed, with a gradient.
        values: functions of x.
        cotangents: in the values' shape.

    Raises:
        NoGradientError: if no gradient of the values reaches x.

    Example:
        >>> x = torch.tensor([3.0]).requires_grad_()
        >>> gradient_at(x, x**2, torch.ones(1))
        tensor([6.])
    """
    if not values.requires_grad:
        raise no_gradient()
    (gradient,) = torch.autograd.grad(values, x, cotangents, retain_graph=True, allow_unused=True)
    if gradient is None:
        raise no_gradient()
    return gradient


def no_gradient() -> NoGradientError:
    """Return the error for a function whose output does not depend on its input."""
    return NoGradientError(
        "no gradient of the classifier's outputs reaches the image; do not detach or use "
        "torch.no_grad in its forward, or judge votes under an attack without gradients (SPSA, or "
        "a function)"
    )
