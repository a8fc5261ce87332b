"""A differentiable function of features: its values, and its derivatives in both directions."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pyrosnn.networks.forward_mode import dual_pass
from pyrosnn.networks.gradients import gradient_at, no_gradient
from pyrosnn.networks.reverse_mode import jvp_in_reverse

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
        function: features to values; the first axis of the values is that of samples.
        shared_ndim: number of axes of features that all samples share. Features of each sample's
            own have one more.
        forward_mode: whether torch's forward mode is tried. It differentiates what is computed
            within ``torch.no_grad``, and reverse mode does not.
    """

    function: Callable[[Tensor], Tensor]
    shared_ndim: int | None = None
    forward_mode: bool = True

    def __call__(self, h: Tensor) -> Tensor:
        """Return the value."""
        with torch.no_grad():
            return self.function(h)

    def jvp(self, h: Tensor, steps: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Differentiate in forward mode, once per step; the first pass also gives the value.

        Where a part of the function has no forward mode, the derivative comes from reverse mode.
        """
        if not self.forward_mode:
            return jvp_in_reverse(self.function, h, steps, self.shared_ndim)
        try:
            passes = [dual_pass(self.function, h, step) for step in steps]
        except Exception:  # of many kinds; what is the function's own error is raised again here
            return jvp_in_reverse(self.function, h, steps, self.shared_ndim)
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
