"""A function of the user's own, named as ``package.module:function`` on a command line."""

import importlib
import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyrosnn.errors import ArgumentError, PyrosnnError, unknown_name

# How such a name is written, for the tables of names.
OWN_FUNCTION = {"package.module:function": r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*"}
REFERENCE = re.compile(OWN_FUNCTION["package.module:function"])


def find_function(reference: str) -> Callable[..., Any]:
    """Import a function; modules in the current folder are found, too.

    Args:
        reference: ``package.module:function``.

    Raises:
        ArgumentError: for a module or function that is not there, or that cannot be imported.

    Example:
        >>> find_function("math:sqrt")(9)
        3.0
    """
    if not REFERENCE.fullmatch(reference):
        raise ArgumentError(f"expected package.module:function, got '{reference}'")
    home, _, name = reference.partition(":")
    folder = str(Path.cwd())
    if folder not in sys.path:  # an installed program does not look there
        sys.path.insert(0, folder)
    try:
        module = importlib.import_module(home)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{home}.".startswith(f"{error.name}."):
            raise ArgumentError(f"importing {home} raised {one_line(error)}") from error
        if home.endswith(".py"):
            right = f"{home.removesuffix('.py')}:{name}"
            raise ArgumentError(
                f"there is no module '{home}'; its name has no .py: {right}"
            ) from error
        raise ArgumentError(
            f"there is no module '{error.name}' in the current folder or on PYTHONPATH; "
            f"start where {home} can be imported"
        ) from error
    except Exception as error:
        raise ArgumentError(
            f"importing {home} raised {one_line(error)}; import it in Python"
        ) from error
    callables = {key: value for key, value in vars(module).items() if callable(value)}
    if name not in callables:
        own = [key for key, value in callables.items() if value.__module__ == module.__name__]
        raise unknown_name(f"function of {home}", name, own)
    function: Callable[..., Any] = callables[name]
    return function


def required_arguments(function: Callable[..., Any]) -> list[str]:
    """Return the names of the positional arguments that a function cannot be called without.

    Example:
        >>> required_arguments(lambda data, seed=0, *rest, **others: None)
        ['data']
    """
    return [
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]


def call_function(reference: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a user's function returns.

    Args:
        reference: ``package.module:function``, for errors.
        function: the function.
        arguments: its arguments.

    Raises:
        ArgumentError: for a function that raises.

    Example:
        >>> call_function("math:sqrt", find_function("math:sqrt"), -1.0)
        Traceback (most recent call last):
            ...
        pyrosnn.errors.ArgumentError: math:sqrt raised ValueError: ...
    """
    try:
        return function(*arguments)
    except PyrosnnError:
        raise
    except Exception as error:
        raise ArgumentError(f"{reference} raised {one_line(error)}; call it in Python") from error


def one_line(error: BaseException) -> str:
    """Return an error's type and the first line of its text.

    Example:
        >>> one_line(KeyError("weights"))
        "KeyError: 'weights'"
    """
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
