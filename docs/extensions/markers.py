"""What a comment on a page stands for: a command's help, a file, or a page outside of `docs`."""

import re
from pathlib import Path
from typing import Any

from command_help import help_of
from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
MARKER = re.compile(r"^<!-- (help|file|page): (.+) -->$", re.MULTILINE)
LINK = re.compile(r"\]\((?!\w+:|#)([^)]+)\)")
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changes.md",
}


def setup(app: Sphinx) -> dict[str, Any]:
    """Replace each marker by what it names."""
    app.connect("source-read", replace)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def replace(app: Sphinx, docname: str, source: list[str]) -> None:
    """Replace the markers of a page, and remember the files that it is made of."""
    for kind, named in MARKER.findall(source[0]):
        if kind != "help":
            app.env.note_dependency(str(ROOT / named))
    source[0] = MARKER.sub(lambda match: KINDS[match[1]](match[2]), source[0])


def file_block(path: str) -> str:
    """Return a file of the repository as a fenced block."""
    return f"```{Path(path).suffix[1:]}\n{(ROOT / path).read_text('utf-8').strip()}\n```"


def page(path: str) -> str:
    """Return a page of the repository's root, with its links as they are within the site."""
    return LINK.sub(lambda match: f"]({within(match[1])})", (ROOT / path).read_text("utf-8"))


def within(link: str) -> str:
    """Return the place in the site of what a page of the root links to.

    Example:
        >>> within("docs/cli.md#lists-of-runs"), within("CHANGELOG.md"), within("LICENSE")
        ('cli.md#lists-of-runs', 'changes.md', '../LICENSE')
    """
    if link.startswith("docs/"):
        return link.removeprefix("docs/")
    return PAGES.get(link, f"../{link}")


KINDS = {"help": help_of, "file": file_block, "page": page}
