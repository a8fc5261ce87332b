"""Fixtures for the tests of the program."""

from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from support.program import Run, invoke


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the figures of studies, and draw none of them: a fifth of a second each."""
    from pyrosnn_studies import kept

    def draw_png(make: Callable[[], Figure]) -> bytes:
        assert isinstance(make(), Figure)
        return b"\x89PNG"

    monkeypatch.setattr(kept, "draw_png", draw_png)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the program in an empty folder; return its result."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYROSNN_DATA", raising=False)
    return invoke
