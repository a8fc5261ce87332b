"""The tables of `pyrosnn summary` of every result in the documentation."""

import hashlib
import zlib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

ROOT = Path(__file__).parents[2]
FOLDERS = ("docs/reproduction", "docs/notebooks")
WIDTH = "120"
BEGIN = 2  # lines that are kept as such

Table = dict[str, Any]


def results() -> list[str]:
    """Return the results' paths within the repository."""
    found = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.nc"))
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def summary(path: str) -> str:
    """Return what the command prints."""
    from pyrosnn_cli.main import app  # a program that does not import fails these tests alone

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", WIDTH)
        result = CliRunner().invoke(app, ["summary", str(ROOT / path)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def table(path: str) -> Table:
    """Return what is kept of a result's tables: a digest, its first lines, and a mark of each."""
    text = summary(path)
    return {
        "file": hashlib.sha256((ROOT / path).read_bytes()).hexdigest(),
        "text": hashlib.sha256(text.encode()).hexdigest(),
        "begin": [line.rstrip() for line in text.splitlines()[:BEGIN]],
        "lines": " ".join(map(mark, text.splitlines())),
    }


def mark(line: str) -> str:
    return f"{zlib.crc32(line.encode()) & 0xFFFFFF:06x}"


def table_near(golden: Table, path: str) -> str | None:
    """Return how a result's tables differ, if they do."""
    found = table(path)
    if found["file"] != golden["file"]:
        return f"{path} is another file; write the golden files again"
    if found["text"] == golden["text"]:
        return None
    marks = golden["lines"].split()
    lines = summary(path).splitlines()
    new = [line for line, was in zip(lines, marks, strict=False) if mark(line) != was]
    return (
        f"{len(lines)} lines, were {len(marks)}; beginning with {golden['begin']}; now differ:\n"
        + "\n".join(new)
    )
