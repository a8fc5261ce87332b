"""Copies of a user's modules; the originals never change."""

import contextlib
import copy
import sys
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from pyrosnn.errors import ArgumentError, require
from pyrosnn.networks.trial import require_running_statistics

Module = torch.nn.Module


def copy_of(thing: Any, shared: Mapping[int, Any] | None = None) -> Any:
    """Return a deep copy.

    A tensor that a module remembers from its last pass, with a graph, is copied by its value.

    Args:
        thing: a module, or several in a tuple.
        shared: by id, the objects that the copy shares with the original.

    Raises:
        ArgumentError: if it cannot be copied, with torch's reason.
    """
    modules = thing if isinstance(thing, tuple) else (thing,)
    remembered = {
        id(value): value.detach().clone()
        for module in modules
        if isinstance(module, Module)
        for part in module.modules()
        for value in _tensors(part.__dict__)
        if value.grad_fn is not None
    }
    try:
        with torch.no_grad():  # a scripted module's parameters are copied by an operation
            return copy.deepcopy(thing, {**remembered, **(shared or {})})
    except Exception as error:
        raise ArgumentError(
            f"the module cannot be copied ({str(error).splitlines()[0]}); make it of parameters, "
            "buffers and modules alone"
        ) from error


def _tensors(value: Any) -> list[Tensor]:
    """Return the tensors in an attribute and its containers."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        return [tensor for part in value.values() for tensor in _tensors(part)]
    if isinstance(value, list | tuple):
        return [tensor for part in value for tensor in _tensors(part)]
    return []


def copy_in_evaluation_mode(module: Module) -> Module:
    """Return a copy in evaluation mode.

    Raises:
        ArgumentError: for anything but a module, and for batch norm without running statistics.
    """
    copied: Module = copy_of(plain(module)).eval()
    require_running_statistics(copied)
    return copied


def copy_or_itself(module: Module) -> Module:
    """Return a copy, or the module itself where it cannot be copied.

    Raises:
        ArgumentError: for anything but a module, and for batch norm without running statistics.
    """
    module = plain(module)
    copied = module
    if not _reached_by_functions(module):
        with contextlib.suppress(ArgumentError):
            copied = copy_of(module)
    for part in copied.modules():
        if part.__dict__.get("_compiled_call_impl") is not None:  # module.compile()
            part._compiled_call_impl = None
    require_running_statistics(copied)
    return copied


def _reached_by_functions(module: Module) -> bool:
    """Return whether hooks or functions of a module refer to its parts, not through an argument.

    A copy's would refer to the original's parts, and change these.
    """
    parts = {id(part) for part in module.modules()}
    parts |= {id(value) for value in (*module.parameters(), *module.buffers())}
    functions = [
        value
        for part in module.modules()
        for values in (part.__dict__, part._forward_hooks, part._forward_pre_hooks)
        for value in values.values()
        if callable(value) and not isinstance(value, Module | type)
    ]
    held = [
        cell.cell_contents
        for function in functions
        for cell in getattr(function, "__closure__", None) or ()
        if _is_filled(cell)
    ]
    return any(id(one) in parts or id(getattr(one, "__self__", None)) in parts for one in held)


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def plain(module: Module) -> Module:
    """Return a module without what ``torch.compile`` and ``DataParallel`` put around it.

    Raises:
        ArgumentError: for anything but a module.
    """
    require(
        isinstance(module, Module),
        f"expected a torch.nn.Module, got {_kind(module)}; make it a module whose forward returns "
        "logits",
    )
    if "torch._dynamo" in sys.modules and isinstance(
        module, sys.modules["torch._dynamo"].OptimizedModule
    ):
        return plain(module._orig_mod)
    if isinstance(module, torch.nn.DataParallel | torch.nn.parallel.DistributedDataParallel):
        return plain(module.module)
    return module


def _kind(value: Any) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
