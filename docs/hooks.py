"""MkDocs hook: puts the README, a file, or the real `--help` of a command where a page asks."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

README_MARKER = "<!-- readme -->"
MARKER = re.compile(r"^<!-- help: pyrosnn(?P<arguments>[^>]*) -->$", re.MULTILINE)

FILE_MARKER = re.compile(r"^<!-- file: (?P<path>\S+) -->$", re.MULTILINE)
ROOT = Path(__file__).parents[1]


def on_page_markdown(markdown: str, **kwargs: Any) -> str:
    """Replace each marker by what it names: a command's help, a file, or the README."""
    if markdown.strip() == README_MARKER:
        return readme()
    with_files = FILE_MARKER.sub(lambda match: file_block(match["path"]), markdown)
    return MARKER.sub(lambda match: help_block(match["arguments"].split()), with_files)


def readme() -> str:
    """Return the README with its links as they are within the site."""
    text = (ROOT / "README.md").read_text("utf-8")
    within = text.replace("](docs/", "](")
    # files outside of docs/ have no page here: their names stay, their links go
    return re.sub(r"\[([^\]]+)\]\((?:[A-Z]+(?:\.\w+)?)\)", r"\1", within)


def file_block(path: str) -> str:
    """Return a file of the repository as a fenced block."""
    return f"```{Path(path).suffix[1:]}\n{(ROOT / path).read_text('utf-8').strip()}\n```"


def help_block(arguments: list[str]) -> str:
    """Return the help of a command as a fenced block."""
    program = Path(sys.executable).with_name("pyrosnn")
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}
    text = subprocess.run(
        [program, *arguments, "--help"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    lines = [line.rstrip() for line in text.strip("\n").splitlines()]
    return "\n".join(["```text", *lines, "```"])
