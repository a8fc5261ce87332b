"""All commands of the program, found by walking it; none is listed by hand."""

from typing import Any

import typer

Words = tuple[str, ...]


def commands(group: Any, *words: str) -> dict[Words, Any]:
    """Return a command and all below it, by the words that name each.

    Args:
        group: a command of Typer, or a group of them.
        words: the words that name the group itself.
    """
    by_words = {words: group}
    if isinstance(group, typer.core.TyperGroup):
        context = typer.Context(group)
        for name in group.list_commands(context):
            by_words |= commands(group.get_command(context, name), *words, name)
    return by_words
