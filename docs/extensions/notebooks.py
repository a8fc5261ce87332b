"""Notebooks as pages: their cells and the outputs that are stored in them; nothing is run."""

import json
import re
from html import escape
from typing import Any

from sphinx.application import Sphinx

HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
STYLE = re.compile(r"<style.*?</style>", re.DOTALL)

Cell = dict[str, Any]


def setup(app: Sphinx) -> dict[str, Any]:
    """Read a notebook as Markdown."""
    app.connect("source-read", read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def read(app: Sphinx, docname: str, source: list[str]) -> None:
    """Replace the JSON of a notebook by Markdown."""
    if str(app.env.doc2path(docname)).endswith(".ipynb"):
        source[0] = markdown_of(json.loads(source[0])["cells"])


def markdown_of(cells: list[Cell]) -> str:
    """Return the cells of a notebook as Markdown."""
    parts, heading = [], ""
    for cell in cells:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            heading = (HEADING.findall(text) or [heading])[-1]
            parts.append(text)
        else:
            parts.append(fenced("python", text))
            parts += [shown(output, heading) for output in cell["outputs"]]
    return "\n\n".join(parts)


def shown(output: Cell, heading: str) -> str:
    """Return an output as Markdown: a figure, a table, or text.

    Args:
        output: an output of a cell.
        heading: the heading that it stands under, which describes a figure.
    """
    data = output.get("data", {"text/plain": output.get("text", "")})
    if "image/png" in data:
        png = "".join(data["image/png"]).replace("\n", "")
        return raw(f'<img alt="{escape(heading)}" src="data:image/png;base64,{png}">')
    if "text/html" in data:
        table = STYLE.sub("", "".join(data["text/html"]))
        table = table.replace('border="1" class="', 'class="docutils ')
        return raw(f'<div class="table-wrapper">{table}</div>')
    return fenced("text", "".join(data["text/plain"]))


def raw(html: str) -> str:
    """Return HTML as a block of Markdown."""
    return fenced("{raw} html", html)


def fenced(language: str, text: str) -> str:
    """Return a fenced block."""
    return f"````{language}\n{text.rstrip()}\n````"
