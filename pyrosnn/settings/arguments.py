"""Arguments of public functions, checked against their type hints before any work."""

import functools
import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeVar, Union, get_args, get_origin

from pyrosnn.errors import ArgumentError, brief, with_article
from pyrosnn.settings.calls import bind
from pyrosnn.settings.kinds import Kind, check_value, kind_of, plain

P = ParamSpec("P")
R = TypeVar("R")

# A class that says how one of its kind is made, for errors.
HOW_TO_MAKE = "how_to_make"
# Those of others, by the names of their classes.
STEPS = {
    "DataTree": "read a file with pyrosnn.open_results, or give what evaluate returned to "
    "pyrosnn.make_result",
    "Dataset": "give what pyrosnn.evaluate returned",
}
# Tensors are checked with their shapes, by what takes them; beartype does so in tests.
_UNCHECKED = ("torch", "jaxtyping", "numpy")


def checked_arguments(
    function: Callable[P, R], *, steps: Mapping[str, str] = STEPS
) -> Callable[P, R]:
    """Check a function's arguments when it is called: numbers, texts, paths, objects by class.

    Fractions in a text (``"8/255"``) become numbers. Images and labels are not looked at: they are
    converted where they are used.

    Args:
        function: a function or method with type hints; ``Annotated`` may have bounds.
        steps: what to do where an object of another class is given, by the name of the right one.

    Example:
        >>> @checked_arguments
        ... def draw(number: int, *, seed: int = 0) -> None: ...
        >>> draw("many")
        Traceback (most recent call last):
            ...
        pyrosnn.errors.ArgumentError: number must be an integer, got 'many'
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        bound = bind(function.__name__, signature, args, kwargs, function.__doc__)
        for name, value in bound.arguments.items():
            parameter = signature.parameters[name]
            if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                read = plain(value, kind_of(parameter.annotation))
                check_argument(name, read, parameter.annotation, steps=steps)
                bound.arguments[name] = read
        return function(*bound.args, **bound.kwargs)

    return called


def check_argument(name: str, value: Any, hint: Any, *, steps: Mapping[str, str] = STEPS) -> None:
    """Refuse a value that does not fit a type hint.

    Args:
        name: name of the argument.
        value: the value given.
        hint: a type; what is no class, scalar or sequence of scalars is not checked.
        steps: what to do where an object of another class is given, by the name of the right one.

    Raises:
        ArgumentError: naming the argument, what it must be, and what it is.
    """
    if _is_scalar(kind := kind_of(hint)):
        check_value(name, value, kind)
        return
    options = _options(hint)
    if options is None or any(_fits(value, option) for option in options):
        for one in _elements(value, hint):
            check_argument(f"each of {name}", *one, steps=steps)
        return
    words = " or ".join(dict.fromkeys(_words(option) for option in options))
    hints = [getattr(one, HOW_TO_MAKE, steps.get(one.__name__, "")) for one in options]
    step = next((f"; {one}" for one in hints if one), "")
    raise ArgumentError(f"{name} must be {words}, got {brief(value)}{step}")


def _fits(value: Any, option: Any) -> bool:
    text_as_list = option is Sequence and isinstance(value, str | bytes)
    return isinstance(value, option) and not text_as_list


def _is_scalar(kind: Kind) -> bool:
    return kind.type is not None


def _options(hint: Any) -> list[Any] | None:
    """Return the classes that a hint allows; None where it says more than classes."""
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if get_origin(hint) in (Union, types.UnionType):
        parts = [_options(one) for one in get_args(hint)]
        # what else may be called is for the function to say
        if any(part is None or part == [Callable] for part in parts):
            return None
        return [one for part in parts for one in part or []]
    origin = get_origin(hint) or hint
    if origin in (Sequence, Mapping, Callable):
        return [origin]
    if not isinstance(origin, type) or origin.__module__.partition(".")[0] in _UNCHECKED:
        return None
    return None if origin in (Any, object, inspect.Parameter.empty) else [origin]


def _elements(value: Any, hint: Any) -> list[tuple[Any, Any]]:
    """Return the elements of a sequence with their hint."""
    if get_origin(hint) is not Sequence or isinstance(value, str):
        return []
    (of,) = get_args(hint)
    return [(one, of) for one in value] if isinstance(value, Sequence) else []


def _words(option: Any) -> str:
    names: dict[Any, str] = {
        type(None): "None",
        Path: "a path",
        str: "a text",
        Mapping: "values by name",
        Sequence: "a list",
        Callable: "a function",
    }
    return names.get(option) or with_article(option.__name__)
