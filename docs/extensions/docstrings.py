r"""Docstrings as Sphinx reads them: Google's sections, formulas, and signatures without marks."""

import re
import types
import typing
from typing import Any

from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config, GoogleDocstring

# examples, literals and emphasis stay; the rest is text with formulas
PART = re.compile(
    r"(?P<kept>^\s*(?:>>>|\.\.\.)[^\n]*|^ *\*+\w+(?=:)|``.+?``|:\w+:`[^`]+`|`[^`]+`)"
    r"|(?P<emphasis>\*\*[^*\n]+\*\*|\*[^*\s][^*\n]*(?<=[^\s(])\*(?!\w))"
    r"|^(?P<indent> *)\$\$(?P<block>[^$]+)\$\$$"
    r"|\$(?P<tex>[^$]+)\$"
    r"|(?:^\s*|(?<=: ))(?P<initial>[A-Z]\.(?=\s|$))"  # of a name, or a set: no list begins
    r"|(?P<special>[*|]|(?<=\w)_(?!\w))",
    re.MULTILINE | re.DOTALL,
)
SECTIONS = Config(
    napoleon_custom_sections=[("Attributes", "params_style")], napoleon_use_rtype=False
)


def setup(app: Sphinx) -> dict[str, Any]:
    """Change docstrings and signatures as they are read."""
    app.connect("autodoc-process-docstring", process)
    app.connect("autodoc-before-process-signature", without_marks)
    app.connect("autodoc-process-signature", without_factories)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def process(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Write a docstring as reStructuredText."""
    text = PART.sub(written, "\n".join(lines))
    # of a property, napoleon would take what stands before a colon for its type
    kind = "method" if what == "property" else what
    lines[:] = GoogleDocstring(text, SECTIONS, app, kind, name, obj, options).lines()


def written(match: re.Match[str]) -> str:
    """Return a part of a docstring as reStructuredText."""
    if match["block"]:
        return f"{match['indent']}.. math:: {' '.join(match['block'].split())}"
    if match["tex"]:
        return f":math:`{match['tex']}`"
    plain = match["initial"] or match["special"]
    return match[0].removesuffix(plain) + f"\\{plain}" if plain else match[0]


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


def without_factories(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str | None, returns: Any
) -> tuple[str | None, Any]:
    """Write a default that a dataclass makes as dots: Sphinx cannot read `<factory>`."""
    return (signature and signature.replace("<factory>", "..."), returns)
