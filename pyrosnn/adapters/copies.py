"""Copies of a user's modules; the originals never change."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch.nn.modules.batchnorm import _NormBase

from pyrosnn.errors import ArgumentError, require
from pyrosnn.networks.trial import require_running_statistics

Module = torch.nn.Module


def copy_of(thing: Any, shared: Mapping[int, Any] | None = None) -> Any:
    """Return a deep copy.

    Args:
        thing: a module, or several in a tuple.
        shared: by id, the objects that the copy shares with the original.

    Raises:
        ArgumentError: if it cannot be copied, with torch's reason.
    """
    try:
        return copy.deepcopy(thing, dict(shared or {}))
    except (RuntimeError, TypeError) as error:
        raise ArgumentError(
            f"the module cannot be copied ({str(error).splitlines()[0]}); make it of parameters, "
            "buffers and modules alone (weight_norm of torch.nn.utils.parametrizations can be)"
        ) from error


def copy_in_evaluation_mode(module: Module) -> Module:
    """Return a copy in evaluation mode.

    Raises:
        ArgumentError: for anything but a module, and for batch norm without running statistics.
    """
    copied = _copy_of_module(module).eval()
    require_running_statistics(copied)
    return copied


def copy_with_its_modes(module: Module) -> Module:
    """Return a copy whose parts keep their modes, except normalisation by running statistics.

    Raises:
        ArgumentError: for anything but a module, and for batch norm without running statistics.
    """
    copied = _copy_of_module(module)
    require_running_statistics(copied)
    for part in copied.modules():
        if isinstance(part, _NormBase):
            part.eval()
    return copied


def _copy_of_module(module: Module) -> Module:
    require(
        isinstance(module, Module),
        f"expected a torch.nn.Module, got {type(module).__name__}; make it a module whose forward "
        "returns logits",
    )
    copied: Module = copy_of(module)
    return copied
