"""The calls of dropout in a forward pass: recorded, or replayed with stored masks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from pyrosnn.errors import ArgumentError

# The value that a unit of alpha dropout takes instead of zero: -λα of the SELU.
ALPHA = 1.7580993408473766


@dataclass(frozen=True)
class Kind:
    """The elements that a function drops, and their replacement.

    Attributes:
        feature: whole channels, not single numbers.
        alpha: keeps mean and variance of a self-normalising network.
    """

    feature: bool = False
    alpha: bool = False


# What the modules Dropout, Dropout1d … FeatureAlphaDropout call, and what may be called without.
DROPOUTS = {
    F.dropout: Kind(),
    torch.dropout: Kind(),
    F.dropout1d: Kind(feature=True),
    F.dropout2d: Kind(feature=True),
    F.dropout3d: Kind(feature=True),
    torch.feature_dropout: Kind(feature=True),
    F.alpha_dropout: Kind(alpha=True),
    torch.alpha_dropout: Kind(alpha=True),
    F.feature_alpha_dropout: Kind(feature=True, alpha=True),
    torch.feature_alpha_dropout: Kind(feature=True, alpha=True),
}


@dataclass(frozen=True)
class Call:
    """One call of dropout.

    Attributes:
        kind: the elements that are dropped.
        p: probability to be dropped.
        shape: shape of the mask, with the axis of images.
    """

    kind: Kind
    p: float
    shape: tuple[int, ...]


class DropoutCalls(TorchFunctionMode):
    """A context in which dropout uses the given masks, one per call, whatever the mode.

    Args:
        masks: 1 where a number is kept, of each call whose p is above 0; None drops nothing.

    Attributes:
        calls: the calls so far whose p is above 0.
    """

    def __init__(self, masks: Sequence[Tensor] | None = None):
        super().__init__()
        self._masks = masks
        self.calls: list[Call] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run a function, or the dropout that it names."""
        kind = DROPOUTS.get(func)
        if kind is None:
            return func(*args, **(kwargs or {}))
        return self._drop(kind, *args, **(kwargs or {}))

    def _drop(self, kind: Kind, input: Tensor, p: float = 0.5, *args: Any, **kwargs: Any) -> Tensor:
        if p == 0:
            return input
        shape = tuple(input.shape)
        if kind.feature:
            shape = (*shape[:2], *[1] * (input.ndim - 2))
        number = len(self.calls)
        self.calls.append(Call(kind, p, shape))
        if self._masks is None:
            return input
        if number == len(self._masks):
            raise ArgumentError(
                f"the module called dropout more than the {number} times that it was seen to; "
                "whether it is called must not depend on the image: use SeededModule"
            )
        return dropped(input, self._masks[number], kind, p)


def dropped(input: Tensor, mask: Tensor, kind: Kind, p: float) -> Tensor:
    """Return the output of dropout for an input and a mask.

    Args:
        input: any shape.
        mask: 1 where a number is kept, else 0; broadcasts to the input.
        kind: what takes the place of dropped numbers.
        p: probability to be dropped, above 0.

    Example:
        >>> mask = torch.tensor([1.0, 0.0])
        >>> dropped(torch.tensor([3.0, 3.0]), mask, Kind(), 0.25).tolist()
        [4.0, 0.0]
    """
    if p == 1 and not kind.alpha:
        return input * 0
    if not kind.alpha:
        return input * (mask / (1 - p))
    if p == 1:
        raise ArgumentError("alpha dropout with p = 1 is not defined; use p < 1")
    # a (x m - α (1 - m) + α p), the affine map that keeps mean 0 and variance 1
    scale = float(((ALPHA**2 * p + 1) * (1 - p)) ** -0.5)
    return scale * (input * mask + ALPHA * (mask - 1 + p))
