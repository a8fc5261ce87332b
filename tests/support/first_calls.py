"""The types of a function's arguments and result are checked in its first calls within a test.

jaxtyping and beartype check every call, and take half the time of tests with thousands of them,
which differ in values and not in types. A test with parameters counts as one, since these differ in
values, too. ``pyproject.toml`` names this as the type checker.

A function within a function is made anew in each call of the outer one, and what jaxtyping makes of
it takes a millisecond. Within a test it is wrapped the first times that it is made.
"""

import functools
import random
import sys
from collections import Counter
from collections.abc import Callable
from types import CodeType
from typing import Any, ParamSpec, TypeVar

import jaxtyping
from beartype import beartype
from beartype._check.code import codemain

P = ParamSpec("P")
R = TypeVar("R")

MOST = 3

_calls: Counter[Callable[..., Any]] = Counter()
_skipped: list[Any] = []
_made: Counter[CodeType] = Counter()
_in_a_test = False
_test: object = None


def checked(signature: Callable[P, R]) -> Callable[P, R]:
    """Let beartype check what jaxtyping makes of a function's signature, at most so many times.

    Then the function is marked as one whose types are not checked, until ``start_again``. The check
    is made at the first call: most functions are never called in one process of the tests.
    """
    check: Callable[P, R] | None = None

    @functools.wraps(signature)
    def counted(*args: P.args, **kwargs: P.kwargs) -> R:
        nonlocal check
        if check is None:
            check = beartype(signature)
        _calls[signature] += 1
        if _calls[signature] == MOST:
            function = sys._getframe(1).f_locals["fn"]  # jaxtyping's name for it
            function.__no_type_check__ = True
            _skipped.append(function)
        return check(*args, **kwargs)

    return counted


# beartype draws which item of a sequence it looks at; to keep Python's state in every call costs
# more than the check
assert hasattr(codemain, "getrandbits")
codemain.getrandbits = random.Random(0).getrandbits


def _wrap_the_first(jaxtyped: Callable[..., Any]) -> Callable[..., Any]:
    """Return jaxtyping's decorator, for the first functions made of the same code."""

    @functools.wraps(jaxtyped)
    def decorator(*args: Any, **kwargs: Any) -> Any:
        if args:
            return jaxtyped(*args, **kwargs)
        wrap = jaxtyped(**kwargs)

        def first(function: Any) -> Any:
            code = getattr(function, "__code__", None)
            if code is None or not _in_a_test:  # what modules make when they are imported
                return wrap(function)
            _made[code] += 1
            return function if _made[code] > MOST else wrap(function)

        return first

    return decorator


# the import hook looks the decorator up by this name, whenever it decorates
jaxtyping.jaxtyped = _wrap_the_first(jaxtyping.jaxtyped)


def begin(test: object) -> None:
    """Check every function again, unless it is another run of the same test.

    Args:
        test: what says which test it is, whatever its parameters.
    """
    global _in_a_test, _test
    if _in_a_test and test == _test:
        return
    _in_a_test, _test = True, test
    _calls.clear()
    _made.clear()
    while _skipped:
        _skipped.pop().__no_type_check__ = False
