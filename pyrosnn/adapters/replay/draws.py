"""The draws of a forward pass, seen and replaced below Python by dispatch modes."""

import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from pyrosnn.adapters.replay.operations import (
    OPERATIONS,
    Arguments,
    Law,
    Operation,
    Shape,
    base,
    bound,
    is_random,
    may_be_random,
)
from pyrosnn.errors import ArgumentError


@dataclass(frozen=True)
class Again:
    """A call of a random operation that can be made once more, from the global generator.

    Attributes:
        name: the operation's name and that of its overload.
        args: its arguments.
        kwargs: its arguments by keyword, with torch's global generator.
    """

    name: tuple[str, str]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    def __call__(self) -> Tensor:
        """Draw."""
        packet, overload = self.name
        function = getattr(getattr(torch.ops.aten, packet), overload)
        args = (a.clone() if isinstance(a, Tensor) else a for a in self.args)
        value: Tensor = function(*args, **self.kwargs)
        return value


@dataclass(frozen=True)
class Draw:
    """One call of a random operation.

    Attributes:
        operation: its name, such as ``normal``.
        law: of the standard draw.
        shape: of the standard draw.
        place: the submodule that called it, by name; "" is the module itself.
        settings: other arguments than tensors, of law ``other``.
        again: draws once more, with the arguments of this call, for law ``other``.
        arguments: tensors among these arguments, which must be constant for law ``other``.
        state: digest of the generator's state before the draw.
    """

    operation: str
    law: Law
    shape: Shape
    place: str
    settings: str = ""
    again: "Again | None" = field(default=None, compare=False, repr=False)
    arguments: tuple[Tensor, ...] = field(default=(), compare=False, repr=False)
    state: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        where = f"'{self.place}'" if self.place else "its forward"
        return f"{self.operation} in {where}"


class DifferentDraws(ArgumentError):
    """A pass that draws other numbers than those it was seen to draw."""


class _RandomOperations(TorchDispatchMode, ABC):
    """A context that takes over the random operations within it."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # torch.compile, which takes seconds to import, never meets this mode

    def __torch_dispatch__(
        self, func: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run an operation; hand over a random one."""
        kwargs = kwargs or {}
        if not may_be_random(func):
            return func(*args, **kwargs)
        arguments = bound(func, args, kwargs)
        if not is_random(func, arguments):
            return func(*args, **kwargs)
        return self._random(func, arguments, args, kwargs)

    @abstractmethod
    def _random(
        self, func: OpOverload, arguments: Arguments, args: tuple[Any, ...], kwargs: Any
    ) -> Any:
        """Return the result of a random operation, whose arguments are also given by name."""


class SeenDraws(_RandomOperations):
    """A context that lists the draws within it.

    Args:
        place: returns the name of the submodule that is running.

    Attributes:
        draws: so far.
    """

    def __init__(self, place: Callable[[], str]):
        super().__init__()
        self._place = place
        self.draws: list[Draw] = []

    def _random(
        self, func: OpOverload, arguments: Arguments, args: tuple[Any, ...], kwargs: Any
    ) -> Any:
        # the tensor that is written, or whose shape is taken, is no setting of the law
        like = func._schema.name.endswith("_") or base(func).endswith("_like")
        settings = tuple(a.clone() if isinstance(a, Tensor) else a for a in args)
        state = _state(arguments)
        result = func(*args, **kwargs)
        self.draws.append(self._draw(func, arguments, settings, kwargs, result, like, state))
        return result

    def _draw(
        self,
        func: OpOverload,
        arguments: Arguments,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        result: Any,
        like: bool,
        state: int,
    ) -> Draw:
        operation = OPERATIONS.get(base(func))
        drawn = result[0] if isinstance(result, tuple) else result
        shape = tuple(drawn.shape)
        if operation is not None and operation.shape is not None:
            shape = operation.shape(arguments)
        if operation is not None and not drawn.is_complex():
            return Draw(base(func), operation.law(arguments), shape, self._place(), state=state)
        kwargs = {**kwargs, **({"generator": None} if "generator" in kwargs else {})}
        packet, _, overload = str(func).partition(".")[2].partition(".")
        return Draw(
            operation=base(func),
            law=Law("other"),
            shape=shape,
            place=self._place(),
            settings=repr([a for a in (*args, *kwargs.values()) if not isinstance(a, Tensor)]),
            again=Again((packet, overload), args, kwargs),
            arguments=tuple(a for a in args[like:] if isinstance(a, Tensor)),
            state=state,
        )


def _state(arguments: Arguments) -> int:
    """Return a digest of the state of the generator that an operation draws from."""
    generator = arguments.get("generator") or torch.default_generator
    return zlib.crc32(generator.get_state().numpy().tobytes())


class ReplacedDraws(_RandomOperations):
    """A context in which random operations take the given standard draws, one a call.

    Args:
        draws: the calls that are expected.
        values: their standard draws.

    Raises:
        DifferentDraws: for another call than the next.
    """

    def __init__(self, draws: Sequence[Draw], values: Sequence[Tensor]):
        super().__init__()
        self._draws, self._values = draws, values
        self._next = 0

    def _random(
        self, func: OpOverload, arguments: Arguments, args: tuple[Any, ...], kwargs: Any
    ) -> Any:
        z = self._take(func, arguments)
        other = self._draws[self._next - 1].law.name == "other"
        return self._replaced(func, arguments, z, None if other else OPERATIONS[base(func)])

    def _take(self, func: OpOverload, arguments: Arguments) -> Tensor:
        number = self._next
        self._next += 1
        if number == len(self._draws):
            raise different(f"it draws more than the {number} times that it was seen to")
        draw, operation = self._draws[number], OPERATIONS.get(base(func))
        if draw.law.name == "other" or operation is None:
            same = draw.operation == base(func)
        else:
            same = draw.law == operation.law(arguments)
        if not same:
            raise different(f"where it drew {draw}, it draws {base(func)} now")
        return self._values[number]

    @staticmethod
    def _replaced(
        func: OpOverload, arguments: Arguments, z: Tensor, operation: Operation | None
    ) -> Any:
        target = arguments.get("out")
        if func._schema.name.endswith("_"):
            target = arguments["self"]
        if operation is None:
            value: Any = z
        else:
            shape = _result_shape(arguments)
            if operation.shape is not None:
                shape = operation.shape(arguments)
            if z.numel() != torch.Size(shape).numel():
                raise different(f"a draw has shape {tuple(shape)} now, it had {tuple(z.shape)}")
            z = z.reshape(shape).to(_dtype(arguments))
            value = operation.value(arguments, z)
        if target is not None:
            return target.copy_(value)
        return _may_be_overwritten(z) if value is z else value

    def finish(self) -> None:
        """Refuse a pass that drew less often than it was seen to."""
        if self._next < len(self._draws):
            raise different(
                f"it draws {self._next} times, and {len(self._draws)} times when it was wrapped"
            )


def different(what: str) -> DifferentDraws:
    """Return the error of a pass that is not like those before.

    Args:
        what: what differs.
    """
    return DifferentDraws(
        f"the module's draws depend on the image or on earlier draws: {what}; replay it by seeds: "
        "Stochastic(…, replay='seeds')"
    )


def _may_be_overwritten(z: Tensor) -> Tensor:
    """Return a copy for the module, which is made when the module writes into it."""
    copy: Tensor = torch._lazy_clone(z) if z.is_contiguous() else z.contiguous()
    return copy


def _result_shape(arguments: Arguments) -> Shape:
    if "size" in arguments:
        return tuple(arguments["size"])
    tensors = [
        arguments[name].shape
        for name in ("self", "input", "mean", "std")
        if isinstance(arguments.get(name), Tensor)
    ]
    return tuple(torch.broadcast_shapes(*tensors))


def _dtype(arguments: Arguments) -> torch.dtype:
    """Return the floating-point type in which a result is computed."""
    like = next((arguments[n] for n in ("self", "mean", "std", "input") if n in arguments), None)
    dtype = arguments.get("dtype") or (like.dtype if isinstance(like, Tensor) else None)
    if dtype is None or not dtype.is_floating_point:
        return torch.get_default_dtype()
    found: torch.dtype = dtype
    return found
