"""What follows the input layer of a network: its values, and its derivatives in both directions.

A classifier that writes ``logits`` alone is differentiated by torch. A dense network knows its own
derivatives, without graphs; a test holds the two to the same numbers.
"""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd import forward_ad

from pyrosnn.errors import ArgumentError
from pyrosnn.models.affine import affine, affine_pull, affine_push

Pullback = Callable[[Tensor], Tensor]


class Head(ABC):
    """A function of features, for the samples of a chunk; features are never changed."""

    @abstractmethod
    def __call__(self, features: Tensor) -> Tensor:
        """Return logits, shape (sample, example, class)."""

    @abstractmethod
    def push(self, features: Tensor, steps: Sequence[Tensor]) -> list[Tensor]:
        """Return the derivatives of the logits along steps of the features."""

    @abstractmethod
    def record(self, features: Tensor) -> tuple[Tensor, Pullback]:
        """Return logits, and the map of their cotangents to those of the features."""


@dataclass(frozen=True)
class AutogradHead(Head):
    """Any function, differentiated by torch.

    Attributes:
        function: features to logits.
    """

    function: Callable[[Tensor], Tensor]

    def __call__(self, features: Tensor) -> Tensor:
        """Return logits."""
        with torch.no_grad():
            return self.function(features)

    def push(self, features: Tensor, steps: Sequence[Tensor]) -> list[Tensor]:
        """Differentiate in forward mode, once for each step."""
        tangents = []
        with torch.no_grad(), warnings.catch_warnings():
            # torch's forward mode warns of its own deprecated parts when it is first used
            warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning)
            for step in steps:
                with forward_ad.dual_level():
                    dual = forward_ad.make_dual(features, step.expand_as(features))
                    tangent = forward_ad.unpack_dual(self.function(dual)).tangent
                if tangent is None:
                    raise no_gradient()
                tangents.append(tangent)
        return tangents

    def record(self, features: Tensor) -> tuple[Tensor, Pullback]:
        """Keep an autograd graph from the features to the logits."""
        features = features.detach().requires_grad_()
        with torch.enable_grad():
            logits = self.function(features)

        def pull(cotangents: Tensor) -> Tensor:
            return gradient_at(features, logits, cotangents)

        return logits.detach(), pull


def gradient_at(x: Tensor, values: Tensor, cotangents: Tensor) -> Tensor:
    """Return the cotangents of x, given those of what was computed from it; the graph stays.

    Args:
        x: what the values were computed from, with a gradient.
        values: functions of x.
        cotangents: in the values' shape.

    Raises:
        ArgumentError: if no gradient of the values reaches x.

    Example:
        >>> x = torch.tensor([3.0]).requires_grad_()
        >>> gradient_at(x, x**2, torch.ones(1))
        tensor([6.])
    """
    if not values.requires_grad:
        raise no_gradient()
    (found,) = torch.autograd.grad(values, x, cotangents, retain_graph=True, allow_unused=True)
    if found is None:
        raise no_gradient()
    return found


def no_gradient() -> ArgumentError:
    """Return the error for a function that is cut off from what it is given."""
    return ArgumentError(
        "no gradient of the classifier's outputs reaches the image; do not detach or use "
        "torch.no_grad in its forward"
    )


@dataclass(frozen=True)
class Activation:
    """A nonlinearity between layers.

    Attributes:
        value: the function.
        derivative: (v, h) to v times the derivative where the function's value is h.
    """

    value: Callable[[Tensor], Tensor]
    derivative: Callable[[Tensor, Tensor], Tensor]


ACTIVATIONS = {
    # one pass each, where a product with a mask takes two
    "relu": Activation(torch.relu, lambda v, h: torch.ops.aten.threshold_backward(v, h, 0)),
    "tanh": Activation(torch.tanh, torch.ops.aten.tanh_backward),
}


@dataclass(frozen=True)
class DenseHead(Head):
    """The layers of a dense network after the first.

    Attributes:
        layers: weight and bias of each, as :func:`affine` takes them.
        activation: before each layer.
    """

    layers: Sequence[tuple[Tensor, Tensor]]
    activation: Activation

    def __call__(self, features: Tensor) -> Tensor:
        """Return logits."""
        with torch.no_grad():
            return self._values(features)[0]

    def _values(self, features: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return logits, and what each layer is given."""
        inputs = []
        for weight, bias in self.layers:
            inputs.append(self.activation.value(features))
            features = affine(inputs[-1], weight, bias)
        return features, inputs

    def push(self, features: Tensor, steps: Sequence[Tensor]) -> list[Tensor]:
        """Go through the layers once for all steps."""
        with torch.no_grad():
            steps = [step.expand_as(features) for step in steps]
            for (weight, _), inputs in zip(self.layers, self._values(features)[1], strict=True):
                steps = [
                    affine_push(self.activation.derivative(step, inputs), weight) for step in steps
                ]
        return list(steps)

    def record(self, features: Tensor) -> tuple[Tensor, Pullback]:
        """Keep what each layer is given."""
        with torch.no_grad():
            logits, inputs = self._values(features)

        def pull(cotangents: Tensor) -> Tensor:
            with torch.no_grad():
                for (weight, _), h in zip(self.layers[::-1], inputs[::-1], strict=True):
                    cotangents = self.activation.derivative(affine_pull(cotangents, weight), h)
            return cotangents

        return logits, pull
