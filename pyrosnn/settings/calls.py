"""Calls with wrong arguments: which one, and how it is spelled here, in one sentence."""

import difflib
import functools
import inspect
from abc import ABCMeta
from collections.abc import Callable, Mapping, Sequence
from inspect import BoundArguments, Parameter, Signature
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from pyrosnn.errors import ArgumentError, brief
from pyrosnn.settings.docstring import described

P = ParamSpec("P")
R = TypeVar("R")

# What other libraries call an argument or an option.
OTHER_NAMES = {
    "eps": ("strength", "linf"),
    "epsilon": ("strength", "linf"),
    "strength": ("linf",),
    "strengths": ("linf",),
    "lr": ("learning_rate",),
    "epoch": ("epochs",),
    "data": ("dataset",),
    "checkpoint": ("model",),
    "sigma": ("smoothing_variance", "noise_variance"),
    "samples": ("attack_samples", "num_samples", "test_samples"),
}
_BY_PLACE = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


def bind(
    name: str,
    signature: Signature,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    docstring: str | None = None,
) -> BoundArguments:
    """Return the arguments of a call by name.

    Args:
        name: what is called.
        signature: its signature.
        args: arguments by place.
        kwargs: arguments by name.
        docstring: its documentation, which says what a missing argument is.

    Raises:
        ArgumentError: for an argument that it does not have or needs, with what to write.

    Example:
        >>> def fgm(x, *, strength=1.5): ...
        >>> bind("fgm", inspect.signature(fgm), [0], {"eps": 0.3})
        Traceback (most recent call last):
            ...
        pyrosnn.errors.ArgumentError: fgm has no argument 'eps'; write strength=0.3
    """
    try:
        return signature.bind(*args, **kwargs)
    except TypeError as error:
        known = {one.name: one for one in signature.parameters.values() if one.name != "self"}
        by_place = args if len(known) == len(signature.parameters) else args[1:]
        text = _wrong(name, known, by_place, kwargs, described(docstring or "", *_SECTIONS))
        raise ArgumentError(text or f"{name}: {error}") from None


_SECTIONS = ("Args", "Attributes")


def _wrong(
    name: str,
    known: Mapping[str, Parameter],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    described: Mapping[str, str],
) -> str:
    """Return what is wrong with a call."""
    unknown = next((key for key in kwargs if key not in known), None)
    if unknown is not None:
        meant = _meant(unknown, known)
        step = f"write {meant}={brief(kwargs[unknown])}" if meant else f"it has {', '.join(known)}"
        return f"{name} has no argument '{unknown}'; {step}"
    places = [one.name for one in known.values() if one.kind in _BY_PLACE]
    if len(args) > len(places):
        surplus = args[len(places)]
        takes = f"only {', '.join(places)} by place" if places else "its arguments by name"
        named = [one for one in known.values() if one.name not in (*places, *kwargs)]
        fitting = next((one.name for one in named if _fits(surplus, one.default)), "")
        step = f"write {fitting}={brief(surplus)}" if fitting else f"it has {', '.join(known)}"
        return f"{name} takes {takes}, got {brief(surplus)}; {step}"
    given = {*places[: len(args)], *kwargs}
    needed = [one for one in known.values() if one.default is Parameter.empty]
    missing = next((one.name for one in needed if one.name not in given), "")
    if not missing:
        return ""
    what = described.get(missing, "").rstrip(".")
    usage = [one.name if one.kind in _BY_PLACE else f"{one.name}=…" for one in needed]
    says = f"{missing}, {what}" if what else missing
    return f"{name} needs {says}; write {name}({', '.join(usage)})"


def _meant(name: str, known: Mapping[str, Parameter]) -> str:
    """Return the argument that another name stands for, or the nearest one."""
    others = [other for other in OTHER_NAMES.get(name, ()) if other in known]
    return "".join((others or difflib.get_close_matches(name, known, n=1))[:1])


def _fits(value: Any, default: Any) -> bool:
    """Whether a value is of the kind of a default."""
    numbers = (int, float)
    if type(value) in numbers and type(default) in numbers:
        return True
    return type(value) is type(default)


def called_rightly(function: Callable[P, R]) -> Callable[P, R]:
    """Say in a sentence which argument of a constructor is wrong or missing.

    Args:
        function: an ``__init__``; the class's docstring has its arguments.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        made = type(args[0])
        bind(made.__name__, signature, args, kwargs, made.__doc__)
        return function(*args, **kwargs)

    return called


class RightlyCalled(ABCMeta):
    """Metaclass of dataclasses that say in a sentence which argument is wrong or missing.

    A call that fails is looked at again; one that does not costs nothing.
    """

    if not TYPE_CHECKING:  # which knows the fields

        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            """Make one of the class."""
            try:
                return super().__call__(*args, **kwargs)
            except TypeError:
                bind(cls.__name__, cls.__signature__, args, kwargs, cls.__doc__)
                raise  # of what the class does with its arguments

    @property
    def __signature__(cls) -> Signature:
        """The signature of the fields, although the metaclass takes anything."""
        return _signature_of(cls)


@functools.cache
def _signature_of(cls: Any) -> Signature:
    signature = inspect.signature(cls.__init__)
    return signature.replace(parameters=list(signature.parameters.values())[1:])
