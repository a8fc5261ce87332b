"""Options that many commands have, as one parameter of each."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, get_type_hints


def takes(**groups: type) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options that frozen dataclasses declare.

    Args:
        groups: a dataclass for each parameter that it replaces; its fields are Typer options.

    Example:
        >>> from dataclasses import dataclass
        >>> from typing import Annotated
        >>> import typer
        >>> @dataclass(frozen=True, kw_only=True)
        ... class Showing:
        ...     quiet: Annotated[bool, typer.Option("--quiet")] = False
        >>> @takes(showing=Showing)
        ... def command(name: str, showing: Showing) -> None:
        ...     print(name, showing)
        >>> inspect.signature(command).parameters["quiet"].default
        False
        >>> command(name="a", quiet=True)
        a Showing(quiet=True)
    """

    def replace(command: Callable[..., None]) -> Callable[..., None]:
        parameters = []
        for name, parameter in inspect.signature(command).parameters.items():
            added = _options(groups[name]) if name in groups else [parameter]
            parameters += [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in added]

        @functools.wraps(command)
        def wrapper(**given: Any) -> None:
            values = {
                name: group(**{each.name: given.pop(each.name) for each in fields(group)})
                for name, group in groups.items()
            }
            command(**given, **values)

        wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        wrapper.__annotations__ = {each.name: each.annotation for each in parameters}
        return wrapper

    return replace


def _options(group: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if each.default is MISSING else each.default,
            annotation=hints[each.name],
        )
        for each in fields(group)
    ]
