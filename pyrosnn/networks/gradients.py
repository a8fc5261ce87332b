"""Gradients of a function's values at its input, or the error that there are none."""

import torch
from torch import Tensor

from pyrosnn.errors import NoGradientError, first_line


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
    try:
        (gradient,) = torch.autograd.grad(
            values, x, cotangents, retain_graph=True, allow_unused=True
        )
    except RuntimeError as error:
        raise NoGradientError(
            f"torch cannot compute the gradient of the classifier's outputs ({first_line(error)}); "
            "change that part of its forward"
        ) from error
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
