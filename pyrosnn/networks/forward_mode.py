"""torch's forward mode, without passes over zero derivatives of weights."""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._C._functorch import (
    _add_batch_dim,
    get_unwrapped,
    is_batchedtensor,
    is_functorch_wrapped_tensor,
    maybe_get_bdim,
    maybe_get_level,
)
from torch.autograd import forward_ad
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode

# Linear in their first argument, which is followed by weight and bias.
LINEAR = frozenset(
    {
        F.linear,
        F.conv1d,
        F.conv2d,
        F.conv3d,
        F.conv_transpose1d,
        F.conv_transpose2d,
        F.conv_transpose3d,
    }
)


class _OfTheInput(TorchFunctionMode):
    """A mode that differentiates linear layers only along their input.

    torch multiplies by a weight's tangent, too, which is zero here: a convolution costs three of
    its values in forward mode, and two within this.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run a function, or both halves of a linear one."""
        kwargs = kwargs or {}
        if func not in LINEAR or len(args) < 2:
            return func(*args, **kwargs)
        h, *others = args
        if is_batchedtensor(h) and not any(
            map(is_functorch_wrapped_tensor, _tensors(others, kwargs))
        ):
            return _over_samples(lambda inner: self._linear(func, inner, others, kwargs), h)
        return self._linear(func, h, others, kwargs)

    @staticmethod
    def _linear(func: Any, h: Any, others: list[Any], kwargs: Any) -> Any:
        """Return a linear function's value and tangent, as one dual tensor."""
        if not _along_the_input(h, *others, **kwargs):
            return func(h, *others, **kwargs)
        weight, *rest = others
        value, tangent = forward_ad.unpack_dual(h)
        if "bias" in kwargs:
            plain = {**kwargs, "bias": None}
        else:
            plain, rest = kwargs, rest or [None]
        return forward_ad.make_dual(
            func(value, weight, *rest, **kwargs), func(tangent, weight, *_no_bias(rest), **plain)
        )


def _over_samples(function: Callable[[Tensor], Tensor], h: Tensor) -> Any:
    """Apply a function of a batch to the tensor that one level of vmap holds.

    Within vmap tangents are not to be seen, but in that tensor they are.
    """
    level, axis = maybe_get_level(h), maybe_get_bdim(h)
    inner = get_unwrapped(h).movedim(axis, 0)
    if is_functorch_wrapped_tensor(inner) or inner.ndim < 3:
        return function(h)
    value = function(inner.flatten(0, 1)).unflatten(0, inner.shape[:2])
    return _add_batch_dim(value, 0, level)


def _tensors(args: list[Any], kwargs: Any) -> list[Tensor]:
    return [v for v in (*args, *kwargs.values()) if isinstance(v, Tensor)]


def _no_bias(rest: list[Any]) -> list[Any]:
    return [None, *rest[1:]] if rest else []


def _along_the_input(*args: Any, **kwargs: Any) -> bool:
    """Return whether a call has the usual arguments, and only the first has a tangent."""
    tensors = _tensors(list(args), kwargs)
    if len(args) < 2 or any(map(is_functorch_wrapped_tensor, tensors)):
        return False  # within vmap, tangents are not to be seen
    has_tangent = [forward_ad.unpack_dual(v).tangent is not None for v in tensors]
    return has_tangent[0] and not any(has_tangent[1:])


def dual_pass(
    function: Callable[[Tensor], Tensor], h: Tensor, step: Tensor
) -> tuple[Tensor, Tensor | None]:
    """Evaluate a function on h + ε·step.

    Args:
        function: of one tensor.
        h: where.
        step: broadcasts to h.

    Returns:
        The value, and the derivative along the step: None if the function does not depend on h.
    """
    # fused attention has no forward mode
    with (
        torch.no_grad(),
        warnings.catch_warnings(),
        sdpa_kernel(SDPBackend.MATH),
        forward_ad.dual_level(),
    ):
        # torch's forward mode warns of its own deprecated parts when it is first used
        warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning)
        dual = forward_ad.make_dual(h, step.expand_as(h))
        with _OfTheInput():
            unpacked = forward_ad.unpack_dual(function(dual))
        return unpacked.primal, unpacked.tangent
