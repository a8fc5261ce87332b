"""The operations of a network: functions that know their derivatives, without a graph.

All tensors have the axes (sample, example, …). The axis of samples has size 1 where all samples
of a chunk share a value; shared values are computed once, and their cotangents are summed over
samples. With a graph around them, ``value`` is differentiated by torch, as training does.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pyrosnn.networks.forward_mode import dual_pass
from pyrosnn.networks.function import Differentiated
from pyrosnn.networks.gradients import no_gradient


class Operation(ABC):
    """A function of one or two values, for the samples of a chunk.

    Attributes:
        affine: whether it is an affine map: its derivative needs no values.
        diagonal: whether it is affine, and each of its numbers depends on one of the input's.
        monotone: whether none of its numbers falls where one of the input's rises.
        words: what it is called in an error, if it is neither affine nor monotone.
        num_samples: number of samples that have a function of their own; 1 if all share one.
        num_derivatives: number of samples whose derivative at one point is their own.
        num_images: number of images that have a linear map of their own; 1 if all share one.
    """

    affine: bool = True
    diagonal: bool = False
    monotone: bool = False
    words: str = "an operation of its own"

    @property
    def num_samples(self) -> int:
        """Number of samples with different functions."""
        return 1

    @property
    def num_derivatives(self) -> int:
        """Number of samples with different derivatives at one point."""
        return self.num_samples

    @property
    def num_images(self) -> int:
        """Number of images with different linear maps."""
        return 1

    @abstractmethod
    def value(self, *inputs: Tensor) -> Tensor:
        """Return the value."""

    def residual(self, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor | None:
        """Return the values that the derivatives need at a point."""
        return None

    @abstractmethod
    def jvp(self, residual: Tensor | None, *steps: Tensor) -> Tensor:
        """Return the derivative along steps of the inputs."""

    @abstractmethod
    def vjp(
        self, residual: Tensor | None, cotangent: Tensor, shared: tuple[bool, ...]
    ) -> tuple[Tensor, ...]:
        """Return the cotangents of the inputs.

        Args:
            residual: see :meth:`residual`.
            cotangent: of the value.
            shared: for each input, whether the sum over samples is wanted. It may be left to the
                caller; an operation that knows a faster way takes it.
        """

    def repeated(self, times: int) -> "Operation":
        """Return the operation of a batch that has each image several times, one after the other.

        Args:
            times: how often. An operation that is the same for all images is one already.
        """
        return self

    def magnitude(self, power: int) -> "Operation | None":
        r"""Return the linear map of the weights $|w|^p$, which takes radii to radii.

        Args:
            power: p, 1 or 2.

        Returns:
            An operation of which ``jvp`` is that map; None where it is not known, so that the
            values have no bounds.
        """
        return None


@dataclass(frozen=True)
class Shift(Operation):
    """The sum h + b.

    Attributes:
        by: b, shape (sample or 1, example or 1, *features).
    """

    by: Tensor
    diagonal = True

    @property
    def num_samples(self) -> int:
        """Number of samples with different b."""
        return len(self.by)

    @property
    def num_derivatives(self) -> int:
        """One for all samples: the derivative of a shift is the identity."""
        return 1

    def value(self, *inputs: Tensor) -> Tensor:
        """Return h + b."""
        return inputs[0] + self.by

    def jvp(self, residual: Tensor | None, *steps: Tensor) -> Tensor:
        """Return the step."""
        return steps[0]

    def vjp(
        self, residual: Tensor | None, cotangent: Tensor, shared: tuple[bool, ...]
    ) -> tuple[Tensor, ...]:
        """Return the cotangent."""
        return (cotangent,)

    def magnitude(self, power: int) -> "Shift":
        """Return itself: its linear part is the identity."""
        return self


@dataclass(frozen=True)
class Scale(Operation):
    """The elementwise product a h.

    Attributes:
        by: a, shape (sample or 1, example or 1, *features).
    """

    by: Tensor
    diagonal = True

    @property
    def num_samples(self) -> int:
        """Number of samples with different a."""
        return len(self.by)

    def value(self, *inputs: Tensor) -> Tensor:
        """Return a h."""
        return inputs[0] * self.by.to(inputs[0].dtype)

    def jvp(self, residual: Tensor | None, *steps: Tensor) -> Tensor:
        """Return a v."""
        return steps[0] * self.by

    def vjp(
        self, residual: Tensor | None, cotangent: Tensor, shared: tuple[bool, ...]
    ) -> tuple[Tensor, ...]:
        """Return a u."""
        return (cotangent * self.by,)

    def magnitude(self, power: int) -> "Scale":
        """Return the product with the magnitudes of a."""
        return Scale(self.by.abs() ** power)


@dataclass(frozen=True)
class Apply(Operation):
    """Any function of features, differentiated by torch.

    Attributes:
        function: of h, shape (sample or 1, example, *features); returns the same axes.
        samples: how many samples differ in it.
    """

    function: Callable[[Tensor], Tensor]
    samples: int
    affine = False
    words = "a function that only torch knows (a transform, or noise that depends on the image)"

    @property
    def num_samples(self) -> int:
        """Number of samples with different functions."""
        return self.samples

    def value(self, *inputs: Tensor) -> Tensor:
        """Return the function's value."""
        return self.function(inputs[0])

    def residual(self, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        """Keep the point: the derivatives evaluate the function again."""
        return inputs[0]

    def jvp(self, residual: Tensor | None, *steps: Tensor) -> Tensor:
        """Differentiate in forward mode."""
        assert residual is not None
        shape = torch.broadcast_shapes(residual.shape, steps[0].shape)
        _, tangent = dual_pass(self.function, residual.expand(shape), steps[0])
        if tangent is None:
            raise no_gradient()
        return tangent

    def vjp(
        self, residual: Tensor | None, cotangent: Tensor, shared: tuple[bool, ...]
    ) -> tuple[Tensor, ...]:
        """Differentiate in reverse mode."""
        assert residual is not None
        value, vjp = Differentiated(self.function).vjp(residual)
        return (vjp(cotangent.expand_as(value)),)


@dataclass(frozen=True)
class Sum(Operation):
    """The sum of two values, as at the end of a residual block."""

    def value(self, *inputs: Tensor) -> Tensor:
        """Return the sum."""
        return inputs[0] + inputs[1]

    def jvp(self, residual: Tensor | None, *steps: Tensor) -> Tensor:
        """Return the sum of the steps."""
        return steps[0] + steps[1]

    def vjp(
        self, residual: Tensor | None, cotangent: Tensor, shared: tuple[bool, ...]
    ) -> tuple[Tensor, ...]:
        """Return the cotangent, for both."""
        return (cotangent, cotangent)

    def magnitude(self, power: int) -> "Sum":
        """Return itself: all its weights are 1."""
        return self
