"""The help of a command as Markdown that fits any width: what the program prints, without boxes."""

import re
import shlex
from collections.abc import Iterator

from typer.testing import CliRunner

from pyrosnn_cli.main import app

# so wide that every option is one line
TERMINAL = {"COLUMNS": "1000", "NO_COLOR": "1", "TERM": "dumb"}
TITLE = re.compile(r"^[╭+]─ (.+?) ─+")
OPTION = re.compile(r"(?<![`\w-])--[a-z][\w-]*")
SPECIAL = re.compile(r"([\\*_\[\]<>$|#~])")


def help_of(words: str) -> str:
    """Return the help of a command.

    Args:
        words: the command, with options that choose others: ``pyrosnn train bnn --network cnn``.
    """
    program, *arguments = shlex.split(words)
    shown = CliRunner().invoke(app, [*arguments, "--help"], prog_name=program, env=TERMINAL)
    if shown.exit_code != 0:
        raise RuntimeError(f"{words} --help: {shown.output}")
    return "\n".join(as_markdown(shown.output))


def as_markdown(text: str) -> Iterator[str]:
    """Turn a help text into lines of Markdown: usage, text, and a list for each panel."""
    title = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("Usage: "):
            yield f"```text\n{line.removeprefix('Usage: ')}\n```"
        elif panel := TITLE.match(line):
            title = f"\n**{panel[1].capitalize()}**\n"
        elif line.startswith("│"):
            *terms, about = re.split(r" {2,}", line.strip("│ "))
            if "--help" not in terms:  # which every command has
                yield f"{title}\n`{written(terms)}`\n: {prose(about)}\n"
                title = ""
        elif not line.startswith("╰"):
            yield prose(line)


def written(terms: list[str]) -> str:
    """Return how an option or an argument is written, such as ``--clip, --no-clip``."""
    names = [term for term in terms if term.startswith("-")]
    values = [term for term in terms if term not in (*names, "*", "<bool>")]
    return " ".join([", ".join(names), *values]).strip()


def prose(text: str) -> str:
    """Return plain text as Markdown: options are code, and what stands in backticks."""
    parts = OPTION.sub(r"`\g<0>`", text).split("`")
    return "`".join(part if i % 2 else SPECIAL.sub(r"\\\1", part) for i, part in enumerate(parts))
