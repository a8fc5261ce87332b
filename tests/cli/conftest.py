"""Fixtures for the tests of the program."""

from pathlib import Path

import pytest
from support.program import Run, invoke


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the program in an empty folder; return its result."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYROSNN_DATA", raising=False)
    return invoke
