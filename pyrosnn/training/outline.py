"""A check that stored parameters fit a model, before the model allocates memory."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.modules import module as registration


def check_outline(build: Callable[[], torch.nn.Module], state: Mapping[str, Tensor]) -> None:
    """Build a model without allocating parameters, and compare their shapes with stored ones.

    A header can ask for layers of any size and number. On torch's meta device a tensor is a shape
    alone, and the building ends as soon as there are more parameters than the file has.

    Args:
        build: builds the model.
        state: the stored parameters.

    Raises:
        ValueError: naming the first parameter that differs, or how many there are.
    """
    # some modules register a parameter twice, when they are moved for example
    with torch.device("meta"), _at_most(4 * len(state) + 16):
        expected = build().state_dict()
    for name in sorted({*expected, *state}):
        shapes = [tuple(side[name].shape) if name in side else None for side in (expected, state)]
        if shapes[0] != shapes[1]:
            raise ValueError(f"{name} has the shape {shapes[1]}, expected {shapes[0]}")
        if expected[name].dtype != state[name].dtype:
            raise ValueError(f"{name} is {state[name].dtype}, expected {expected[name].dtype}")


@contextmanager
def _at_most(limit: int) -> Iterator[None]:
    """Refuse modules with more parameters and buffers than a limit, within the block."""
    count = 0

    def register(module: torch.nn.Module, name: str, value: Any) -> None:
        nonlocal count
        count += 1
        if count > limit:
            raise ValueError("its settings ask for more layers than it has parameters for")

    handles = [
        registration.register_module_parameter_registration_hook(register),
        registration.register_module_buffer_registration_hook(register),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
