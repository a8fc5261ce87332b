"""torch's forward mode, without passes over zero derivatives of weights."""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._C._functorch import is_functorch_wrapped_tensor
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
        if func not in LINEAR or not _along_the_input(*args, **kwargs):
            return func(*args, **kwargs)
        h, weight, *rest = args
        value, tangent = forward_ad.unpack_dual(h)
        if "bias" in kwargs:
            plain = {**kwargs, "bias": None}
        else:
            plain, rest = kwargs, rest or [None]
        return forward_ad.make_dual(
            func(value, weight, *rest, **kwargs), func(tangent, weight, *_no_bias(rest), **plain)
        )


def _no_bias(rest: list[Any]) -> list[Any]:
    return [None, *rest[1:]] if rest else []


def _along_the_input(*args: Any, **kwargs: Any) -> bool:
    """Return whether a call has the usual arguments, and only the first has a tangent."""
    tensors = [v for v in (*args, *kwargs.values()) if isinstance(v, Tensor)]
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
