"""MkDocs hook: puts the real `--help` of each command where a page asks for it."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

MARKER = re.compile(r"^<!-- help: pyrosnn(?P<arguments>[^>]*) -->$", re.MULTILINE)


def on_page_markdown(markdown: str, **kwargs: Any) -> str:
    """Replace each marker by the output of the command it names."""
    return MARKER.sub(lambda match: help_block(match["arguments"].split()), markdown)


def help_block(arguments: list[str]) -> str:
    """Return the help of a command as a fenced block."""
    program = Path(sys.executable).with_name("pyrosnn")
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    text = subprocess.run(
        [program, *arguments, "--help"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    lines = [line.rstrip() for line in text.strip("\n").splitlines()]
    return "\n".join(["```text", *lines, "```"])
