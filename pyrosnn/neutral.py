"""Torch's modes of the caller, left within public functions: they would change numbers."""

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import ParamSpec, TypeVar

import torch

P = ParamSpec("P")
R = TypeVar("R")

DEVICES = ("cpu", "cuda")


def neutral(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function outside of the caller's autocast and inference mode.

    Autocast would round what is compared, and tensors of inference mode have no gradients. The
    precision of an attack is a setting.

    Args:
        function: any function.

    Example:
        >>> @neutral
        ... def product(a: torch.Tensor, b: torch.Tensor) -> torch.dtype:
        ...     return (a @ b).dtype
        >>> with torch.autocast("cpu", torch.bfloat16):
        ...     product(torch.ones(2, 2), torch.ones(2, 2))
        torch.float32
    """

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        with neutral_modes():
            return function(*args, **kwargs)

    return called


@contextmanager
def neutral_modes() -> Iterator[None]:
    """Leave the caller's autocast and inference mode; without the latter, gradients are on."""
    with ExitStack() as modes:
        if torch.is_inference_mode_enabled():
            modes.enter_context(torch.inference_mode(False))
        for device in DEVICES:
            if torch.is_autocast_enabled(device):
                modes.enter_context(torch.autocast(device, enabled=False))
        yield
