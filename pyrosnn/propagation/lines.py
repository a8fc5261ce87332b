r"""Nonlinearities between two lines: linear bounds on an interval.

For an interval $[l, u]$ of the input, $\alpha_L z + \beta_L \le f(z) \le \alpha_U z + \beta_U$.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pyrosnn.errors import NoBoundsError
from pyrosnn.networks.activation import ACTIVATIONS, Activated
from pyrosnn.networks.operation import Operation
from pyrosnn.networks.pooling import MaxPooled

# A linear function of an operation's output bound from below by one of its input: its rows there,
# and what is added.
Below = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Lines:
    """A line below and a line above, for each number; the line below goes through 0.

    Attributes:
        lower: its slope.
        upper: slope of the line above.
        offset: its value at 0.
    """

    lower: Tensor
    upper: Tensor
    offset: Tensor


def relu_lines(lower: Tensor, upper: Tensor) -> Lines:
    r"""Return lines around max(z, 0).

    Above is the chord $u (z - l) / (u - l)$. Below is z or 0, whichever encloses less area.

    References:
        H. Zhang et al., Efficient neural network robustness certification with general activation
        functions (CROWN), NeurIPS 2018.

    Example:
        >>> lines = relu_lines(torch.tensor([-1.0, 1.0]), torch.tensor([3.0, 2.0]))
        >>> lines.lower, lines.upper, lines.offset
        (tensor([1., 1.]), tensor([0.7500, 1.0000]), tensor([0.7500, 0.0000]))
    """
    positive, negative = upper.clamp(min=0), (-lower).clamp(min=0)
    width = positive + negative
    chord = positive / torch.where(width > 0, width, torch.ones_like(width))
    return Lines((upper > -lower).to(lower.dtype), chord, chord * negative)


def through_lines(rows: Tensor, lines: Lines) -> Below:
    """Bound rows of a nonlinearity's output by rows of its input."""
    below, above = lines.lower.unsqueeze(2), lines.upper.unsqueeze(2)
    slopes = torch.where(rows > 0, below, above)
    negative = rows.clamp(max=0).flatten(3)
    constant = (negative @ lines.offset.flatten(2).unsqueeze(-1)).squeeze(-1)
    return rows * slopes, constant


def _through_relu(operation: Operation, rows: Tensor, lower: Tensor, upper: Tensor) -> Below:
    assert isinstance(operation, Activated)
    if operation.function is not ACTIVATIONS["relu"]:
        raise NoBoundsError(
            "linear relaxation knows relu, not the network's activation; take method='ibp'"
        )
    return through_lines(rows, relu_lines(lower, upper))


def _through_maximum(operation: Operation, rows: Tensor, lower: Tensor, upper: Tensor) -> Below:
    r"""Bound a maximum from below by the input with the largest lower bound.

    From above it is that input where its lower bound exceeds all other upper bounds, else the
    largest upper bound.
    """
    assert isinstance(operation, MaxPooled)
    best, place = operation.largest(lower)
    top, _ = operation.largest(upper)
    # the others' upper bounds: that of the best is set aside
    size = lower.shape[-2:]
    alone = operation.second(upper, place) <= best
    negative = rows.clamp(max=0)
    kept = torch.where((rows > 0) | alone.unsqueeze(2), rows, torch.zeros_like(rows))
    left = torch.where(alone.unsqueeze(2), torch.zeros_like(rows), negative)
    constant = (left.flatten(3) @ top.flatten(2).unsqueeze(-1)).squeeze(-1)
    index = place.unsqueeze(2).flatten(-2).expand(*kept.shape[:4], -1)
    back = torch.zeros(*kept.shape[:4], size[0] * size[1], dtype=rows.dtype, device=rows.device)
    return back.scatter_add_(-1, index, kept.flatten(-2)).unflatten(-1, size), constant


RELAXATIONS: dict[type[Operation], Callable[[Operation, Tensor, Tensor, Tensor], Below]] = {
    Activated: _through_relu,
    MaxPooled: _through_maximum,
}


def relaxed(operation: Operation, rows: Tensor, lower: Tensor, upper: Tensor) -> Below:
    """Bound rows of an operation's output from below by rows of its input, on an interval.

    Args:
        operation: one that is not affine.
        rows: shape (sample or 1, example or 1, row, *features).
        lower: lower bounds of the input, shape (sample, example, *features).
        upper: upper bounds.

    Returns:
        The rows, shape (sample, example, row, *features), and what is added, (…, row).

    Raises:
        NoBoundsError: for an operation without a relaxation.
    """
    for kind, rule in RELAXATIONS.items():
        if isinstance(operation, kind):
            return rule(operation, rows, lower, upper)
    raise NoBoundsError(
        f"linear relaxation does not know a {type(operation).__name__}; take method='ibp'"
    )
