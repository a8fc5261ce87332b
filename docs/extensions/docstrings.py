r"""Docstrings as Sphinx reads them: formulas, plain stars and bars, and types without marks."""

import re
import types
import typing
from typing import Any

from sphinx.application import Sphinx

# examples and literals stay; the rest is text with formulas
PART = re.compile(
    r"(?P<kept>^\s*(?:>>>|\.\.\.)[^\n]*|``.+?``|:\w+:`[^`]+`|`[^`]+`)"
    r"|(?P<name>\*\*[^*\n]+\*\*|\*[^*\s][^*\n]*(?<=[^\s(])\*(?!\w))"
    r"|^(?P<indent> *)\$\$(?P<block>[^$]+)\$\$$"
    r"|\$(?P<tex>[^$]+)\$"
    r"|(?P<special>[*|]|(?<=\w)_(?!\w))",
    re.MULTILINE | re.DOTALL,
)


def setup(app: Sphinx) -> dict[str, Any]:
    """Change docstrings and signatures as they are read."""
    app.connect("autodoc-process-docstring", process, priority=400)  # before napoleon
    app.connect("autodoc-before-process-signature", without_marks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def process(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Write a docstring's text as reStructuredText."""
    lines[:] = PART.sub(written, "\n".join(lines)).split("\n")


def written(match: re.Match[str]) -> str:
    """Return a part of a docstring as reStructuredText."""
    if match["block"]:
        return f"{match['indent']}.. math:: {' '.join(match['block'].split())}"
    if match["tex"]:
        return f":math:`{match['tex']}`"
    return f"\\{match['special']}" if match["special"] else match[0]


def without_marks(app: Sphinx, obj: Any, bound: bool) -> None:
    """Take the marks of settings out of a signature: `Annotated[int, Ge(1)]` is an int."""
    function = obj.__init__ if isinstance(obj, type) else obj
    if isinstance(function, types.FunctionType):
        function.__annotations__ = {
            name: plain(hint) for name, hint in function.__annotations__.items()
        }


def plain(hint: Any) -> Any:
    """Return a type without marks, within a union, too."""
    if typing.get_origin(hint) is typing.Annotated:
        return plain(typing.get_args(hint)[0])
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return typing.Union[tuple(map(plain, typing.get_args(hint)))]  # noqa: UP007
    return hint
