"""Copies of Pyro programs: modules, bound methods, and functions that refer to modules."""

import copy
import weakref
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any

import torch
from pyro.infer.autoguide import AutoGuide, AutoGuideList
from torch import Tensor
from torch.overrides import TorchFunctionMode

from pyrosnn.errors import ArgumentError, first_line, require
from pyrosnn.networks.trial import require_running_statistics

Memo = dict[int, Any]  # copies by the id of the original, as copy.deepcopy takes them


def copy_programs(
    *programs: Any, memo: Memo | None = None
) -> tuple[list[Any], list[torch.nn.Module]]:
    """Return programs with the modules that they use copied, in evaluation mode; and the copies.

    A bound method gets a copy of its owner. A function gets one of each module that it refers to,
    by a variable of an enclosing function or of its file. What autoguides recorded of their model
    when they were first called stays shared: nobody changes it.

    Args:
        programs: modules, bound methods, functions; modules that they share stay shared.
        memo: copies that are there already.

    Raises:
        ArgumentError: for a module that cannot be copied.
    """
    copier = Copier({} if memo is None else memo)
    copies = [copier.copy(program) for program in programs]
    for module in copier.modules:
        require_running_statistics(module.eval())
        for part in module.modules():
            if isinstance(part, AutoGuideList):
                own = weakref.ref(part)
                for guide in part.children():
                    guide.__dict__["master"] = own  # not the original's
    return copies, copier.modules


def require_called(guide: Any) -> None:
    """Refuse an autoguide that was never called: it has no parameters yet.

    Raises:
        ArgumentError: saying to train it.
    """
    for part in guide.modules() if isinstance(guide, torch.nn.Module) else ():
        require(
            not isinstance(part, AutoGuide) or part.prototype_trace is not None,
            f"the guide ({type(part).__name__}) has never been trained, nor called; train it "
            "with pyro.infer.SVI first",
        )


class DetachedCopies(TorchFunctionMode):
    """A mode in which tensors of a computation graph are copied without it.

    Flows and other modules keep such tensors between two calls; torch refuses to copy them.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Copy a tensor that is no leaf without its graph; leave all else to torch."""
        if func is Tensor.__deepcopy__ and not args[0].is_leaf:
            tensor, memo = args
            if id(tensor) not in memo:
                memo[id(tensor)] = tensor.detach().clone()
            return memo[id(tensor)]
        return func(*args, **(kwargs or {}))


class Copier:
    """The copies of some programs.

    Args:
        memo: what is shared with the originals, or copied already.

    Attributes:
        modules: the modules' copies, each once.
    """

    def __init__(self, memo: Memo):
        self.memo = memo
        self.modules: list[torch.nn.Module] = []
        self._originals: list[Any] = []  # keeps their ids from being used again

    def copy(self, value: Any) -> Any:
        """Return a copy of a program, or the value itself if it uses no module."""
        if id(value) in self.memo:
            return self.memo[id(value)]
        if not uses_modules(value, set()):
            return value
        kinds: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
            (torch.nn.Module, self._module),
            (Tensor, lambda tensor: tensor.detach().clone()),
            (MethodType, lambda bound: MethodType(bound.__func__, self.copy(bound.__self__))),
            (FunctionType, self._function),
            (partial, self._partial),
            (dict, lambda values: {name: self.copy(part) for name, part in values.items()}),
            (list | tuple, lambda values: type(values)(self.copy(part) for part in values)),
            (object, self._object),
        )
        copied = next(make(value) for kind, make in kinds if isinstance(value, kind))
        self._remember(value, copied)
        return copied

    def _remember(self, value: Any, copied: Any) -> None:
        self.memo[id(value)] = copied
        self._originals.append(value)

    def _module(self, module: torch.nn.Module) -> torch.nn.Module:
        for part in module.modules():
            if isinstance(part, AutoGuide) and part.prototype_trace is not None:
                self.memo[id(part.prototype_trace)] = part.prototype_trace
        try:
            with DetachedCopies():
                copied: torch.nn.Module = copy.deepcopy(module, self.memo)
        except (RuntimeError, TypeError) as error:
            raise ArgumentError(
                f"the {type(module).__name__} of the Pyro program cannot be copied "
                f"({first_line(error)}); make it of parameters, buffers and modules alone"
            ) from error
        self.modules.append(copied)
        return copied

    def _partial(self, program: "partial[Any]") -> Any:
        if isinstance(program.func, partial):  # a program under one of Pyro's handlers
            return type(program)(self.copy(program.func))
        arguments = (self.copy(argument) for argument in program.args)
        named = {name: self.copy(value) for name, value in program.keywords.items()}
        return type(program)(self.copy(program.func), *arguments, **named)

    def _object(self, owner: Any) -> Any:
        copied = copy.copy(owner)
        self._remember(owner, copied)  # before its attributes, which may refer to it
        for name, value in vars(owner).items():
            if _is_state(value):
                vars(copied)[name] = self.copy(value)
        return copied

    def _function(self, function: FunctionType) -> Any:
        cells, used = function.__closure__ or (), _globals_of(function)
        closure = tuple(CellType() for _ in cells)
        variables = dict(function.__globals__) if used else function.__globals__
        copied = FunctionType(
            function.__code__, variables, function.__name__, function.__defaults__, closure
        )
        copied.__kwdefaults__, copied.__module__ = function.__kwdefaults__, function.__module__
        self._remember(function, copied)  # before its variables, which may refer to it
        if used:
            variables.update({name: self.copy(value) for name, value in used.items()})
        for new, cell in zip(closure, cells, strict=True):
            for value in _content(cell):
                new.cell_contents = self.copy(value)
        return copied


def uses_modules(value: Any, seen: set[int]) -> bool:
    """Return whether a program refers to a module, or to a tensor that is trained.

    Args:
        value: a program, or what it refers to.
        seen: ids of what was examined already.
    """
    if id(value) in seen:
        return False
    seen.add(id(value))
    if isinstance(value, torch.nn.Module | Tensor):
        return _is_state(value)
    return any(uses_modules(part, seen) for part in _references(value))


def _references(value: Any) -> Iterable[Any]:
    """Return what a value refers to, as far as programs are made of it."""
    if isinstance(value, MethodType):
        return (value.__self__,)
    if isinstance(value, FunctionType):
        cells = [part for cell in value.__closure__ or () for part in _content(cell)]
        return (*cells, *_globals_of(value).values())
    if isinstance(value, partial):
        return (value.func, *value.args, *value.keywords.values())
    if isinstance(value, dict):
        return filter(_is_state, value.values())
    if isinstance(value, list | tuple):
        return filter(_is_state, value)
    foreign = type(value).__module__.partition(".")[0] in ("torch", "pyro")
    if foreign or isinstance(value, type) or not hasattr(value, "__dict__"):
        return ()
    return filter(_is_state, vars(value).values())


def _is_state(value: Any) -> bool:
    """Return whether a value is a module, a tensor that is trained, or a list of these."""
    if isinstance(value, list | tuple | dict):
        parts = value.values() if isinstance(value, dict) else value
        return any(isinstance(part, torch.nn.Module) for part in parts)
    if isinstance(value, Tensor):
        return value.requires_grad
    return isinstance(value, torch.nn.Module)


def _globals_of(function: FunctionType) -> dict[str, Any]:
    """Return the modules, and the functions of its own file, that a function refers to by name."""
    used = {}
    for name in set(_names(function.__code__)) & function.__globals__.keys():
        value = function.__globals__[name]
        near = isinstance(value, FunctionType) and value.__module__ == function.__module__
        if near or isinstance(value, MethodType | partial) or _is_state(value):
            used[name] = value
    return used


def _names(code: CodeType) -> Iterator[str]:
    """Yield the names that code refers to, functions within it included."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _content(cell: CellType) -> tuple[Any, ...]:
    """Return the value of a variable of an enclosing function; nothing if it has none yet."""
    try:
        return (cell.cell_contents,)
    except ValueError:
        return ()
