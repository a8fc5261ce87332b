r"""Derivatives along a direction in reverse mode, for functions that have no forward mode.

$J v$ is the derivative of $u \mapsto \langle J^\top u, v \rangle$: two passes back for all values.
Where torch cannot differentiate its own way back, or does so wrongly (attention kernels, functions
with a backward of their own), each class takes a pass back.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from pyrosnn.networks.gradients import gradient_at

TOLERANCE = 1e-3  # of float32 sums


def jvp_in_reverse(
    function: Callable[[Tensor], Tensor],
    h: Tensor,
    steps: Sequence[Tensor],
    shared_ndim: int | None = None,
) -> tuple[Tensor, list[Tensor]]:
    """Return a function's value, and its derivative along each of the steps.

    Args:
        function: features to values, shape (sample, example, class).
        h: features.
        steps: each broadcasts to h.
        shared_ndim: number of axes of features that all samples share; None for h as it is.

    Example:
        >>> value, (slope,) = jvp_in_reverse(
        ...     lambda h: (h**2).unsqueeze(0), torch.tensor([[3.0]]), [torch.tensor([[1.0]])]
        ... )
        >>> slope
        tensor([[[6.]]])
    """
    steps = [step.expand_as(h) for step in steps]
    shared = h.detach().requires_grad_()
    with torch.enable_grad():
        values = function(shared)
    twice = [_twice(values, shared, step) for step in steps]
    if all(slope is not None for slope in twice):
        return values.detach(), [slope for slope in twice if slope is not None]
    return _by_class(function, h, steps, values.detach(), shared_ndim)


def _twice(values: Tensor, h: Tensor, step: Tensor) -> Tensor | None:
    """Differentiate the way back; None where it is not the derivative of the way forth."""
    u = torch.ones_like(values).requires_grad_()
    try:
        with torch.enable_grad():
            (back,) = torch.autograd.grad(values, h, u, create_graph=True)
            product = (back * step).sum()
        (slope,) = torch.autograd.grad(product, u, retain_graph=True)
    except RuntimeError:
        return None
    weights = torch.linspace(0.5, 1.5, values.numel(), device=h.device).reshape(values.shape)
    weights = weights.to(values.dtype)
    there = (gradient_at(h, values, weights) * step).double()
    here = (weights * slope).double()
    error = (there.sum() - here.sum()).abs()
    return slope.detach() if error <= TOLERANCE * (there.abs().sum() + here.abs().sum()) else None


def _by_class(
    function: Callable[[Tensor], Tensor],
    h: Tensor,
    steps: Sequence[Tensor],
    values: Tensor,
    shared_ndim: int | None,
) -> tuple[Tensor, list[Tensor]]:
    """Take a pass back for each class, with features of each sample's own."""
    number = len(values)
    own = h if h.ndim != shared_ndim else h.unsqueeze(0).expand(number, *h.shape)
    own = own.detach().clone().requires_grad_()
    with torch.enable_grad():
        values = function(own)
    slopes = [torch.zeros_like(values) for _ in steps]
    for c in range(values.shape[-1]):
        one = torch.zeros_like(values)
        one[..., c] = 1
        gradient = gradient_at(own, values, one)
        for slope, step in zip(slopes, steps, strict=True):
            slope[..., c] = (gradient * step).flatten(2).sum(-1).detach()
    return values.detach(), slopes
