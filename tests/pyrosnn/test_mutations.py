"""Thousands of damaged files of each kind: read or refused, never another end."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

# Damaged files of each kind: 1,000 in some eight seconds of one core, the same in every run.
# ``PYROSNN_MUTATIONS=20`` reads twenty times as many.
FILES = {
    "result": 150,  # the checksum refuses most at once
    "unchecked-result": 40,  # HDF5 reads them
    "result-settings": 30,
    "checkpoint": 180,
    "checkpoint-settings": 30,
    "training": 120,
    "cell": 180,
    "manifest": 160,
    "data": 180,
}
FACTOR = int(os.environ.get("PYROSNN_MUTATIONS", "1"))


@pytest.mark.slow
@pytest.mark.processes
def test_damaged_files() -> None:
    """In a process of their own, whose memory is limited, and which ends when one file hangs."""
    numbers = {kind: number * FACTOR for kind, number in FILES.items()}
    run = subprocess.run(
        [sys.executable, "-P", TESTS / "support" / "mutations.py", json.dumps(numbers)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *filter(None, sys.path)])},
        capture_output=True,
        text=True,
        check=False,
        timeout=600 * FACTOR,
    )
    assert run.returncode == 0, run.stderr[-4000:]
    assert len(run.stdout.splitlines()) == len(FILES)
    for (kind, number), line in zip(numbers.items(), run.stdout.splitlines(), strict=True):
        counts = json.loads(line)
        assert counts["read"] + counts["refused"] >= 0.9 * number, kind
        assert min(counts.values()) > 0, kind  # damaged, and not all of them beyond reading
