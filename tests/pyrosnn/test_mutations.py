"""Thousands of damaged files of each kind: read or refused, never another end."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

# Damaged files of each kind: 4,000 in half a minute of one core, the same in every run.
# ``PYROSNN_MUTATIONS=10`` reads ten times as many.
RESULTS = {
    "result": 600,  # the checksum refuses most at once
    "unchecked-result": 160,  # HDF5 reads them
    "result-settings": 120,
}
CHECKPOINTS = {"checkpoint": 720, "checkpoint-settings": 120, "training": 240}
OTHERS = {"cell": 720, "manifest": 640, "data": 720}
FACTOR = int(os.environ.get("PYROSNN_MUTATIONS", "1"))


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.parametrize(
    "files", [RESULTS, CHECKPOINTS, OTHERS], ids=["results", "checkpoints", "others"]
)
def test_damaged_files(files: dict[str, int]) -> None:
    """In a process of their own, whose memory is limited, and which ends when one file hangs."""
    numbers = {kind: number * FACTOR for kind, number in files.items()}
    run = subprocess.run(
        [sys.executable, TESTS / "support" / "mutations.py", json.dumps(numbers)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *filter(None, sys.path)])},
        capture_output=True,
        text=True,
        check=False,
        timeout=600 * FACTOR,
    )
    assert run.returncode == 0, run.stderr[-4000:]
    assert len(run.stdout.splitlines()) == len(files)
    for (kind, number), line in zip(numbers.items(), run.stdout.splitlines(), strict=True):
        counts = json.loads(line)
        assert counts["read"] + counts["refused"] >= 0.9 * number, kind
        assert min(counts.values()) > 0, kind  # damaged, and not all of them beyond reading
