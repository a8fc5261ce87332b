"""Thousands of damaged files of each kind: read or refused, never another end."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

# Damaged files of each kind: 10,000 in about a minute of one core. ``PYROSNN_MUTATIONS=10`` reads
# ten times as many.
FILES = {
    "result": 1500,  # the checksum refuses most at once
    "unchecked-result": 400,  # HDF5 reads them
    "result-settings": 300,
    "checkpoint": 1800,
    "checkpoint-settings": 300,
    "training": 600,
    "cell": 1800,
    "manifest": 1600,
    "data": 1800,
}
FACTOR = int(os.environ.get("PYROSNN_MUTATIONS", "1"))


@pytest.mark.parametrize("kind", FILES)
def test_damaged_files(kind: str) -> None:
    """In a process of its own, whose memory is limited, and which ends when one file hangs."""
    run = subprocess.run(
        [sys.executable, TESTS / "support" / "mutations.py", kind, str(FILES[kind] * FACTOR)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *filter(None, sys.path)])},
        capture_output=True,
        text=True,
        check=False,
        timeout=600 * FACTOR,
    )
    assert run.returncode == 0, run.stderr[-4000:]
    counts = json.loads(run.stdout.splitlines()[-1])
    assert counts["read"] + counts["refused"] >= 0.9 * FILES[kind] * FACTOR
    assert min(counts.values()) > 0  # it damages files, and not all of them beyond reading
