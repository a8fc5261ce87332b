"""Passes without gradient checkpointing, whose second forward pass would draw anew."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

# Its names in several versions of torch.
WITHOUT_REENTRY = (
    "_checkpoint_without_reentrant_generator",
    "_checkpoint_without_reentrant_generator_impl",
)


class _Direct:
    """Calls the function, in place of the autograd function of reentrant checkpointing."""

    @staticmethod
    def apply(function: Callable[..., Any], preserve_rng_state: bool, *args: Any) -> Any:
        """Call the function once."""
        return function(*args)


def _once(*args: Any, **kwargs: Any) -> Iterator[None]:
    """Keep all activations, in place of the hooks of checkpointing without reentry."""
    yield


@contextmanager
def without_checkpointing() -> Iterator[None]:
    """Let ``torch.utils.checkpoint`` call its functions, and keep what it would compute twice.

    It computes again while gradients go back, when the draws of the pass are no longer replaced.
    """
    home: Any = sys.modules.get("torch.utils.checkpoint")
    direct = {"CheckpointFunction": _Direct, **dict.fromkeys(WITHOUT_REENTRY, _once)}
    before = {name: getattr(home, name) for name in direct if hasattr(home, name)}
    for name in before:
        setattr(home, name, direct[name])
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(home, name, value)
