"""What a process frees stays with it, and so does what the workers of a cluster free."""

import os
import subprocess
import sys

import pytest
from distributed import get_client

from pyrosnn_cli import main as program
from pyrosnn_studies.allocation import KEEPING, keep_freed_memory
from pyrosnn_studies.cluster import local_cluster

# Faults of a loop of blocks that glibc gives back by itself; each is smaller than a huge page.
BLOCKS = """
import resource, sys
import numpy as np
from pyrosnn_studies.allocation import keep_freed_memory

done = sys.argv[1] == "keep" and keep_freed_memory()
for number in range(11):
    if number == 1:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [np.ones(150_000) for _ in range(50)]
    del blocks
print(done, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(word: str, environment: dict[str, str]) -> tuple[str, int]:
    command = [sys.executable, "-c", BLOCKS, word]
    found = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    done, number = found.stdout.split()
    return done, int(number)


@pytest.fixture
def environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_"))}


@pytest.mark.processes
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the allocator is glibc's")
def test_freed_blocks_are_used_again_without_a_fault(environment: dict[str, str]) -> None:
    done, kept = faults("keep", environment)
    _, given_back = faults("leave", environment)
    if done == "False":
        pytest.skip("the C library here has no mallopt")
    assert given_back > 10_000  # 60 MB are 14,648 pages, ten times
    assert kept < given_back / 20


@pytest.mark.processes
def test_an_environment_that_says_how_is_left_alone(environment: dict[str, str]) -> None:
    assert faults("keep", {**environment, "MALLOC_TRIM_THRESHOLD_": "65536"})[0] == "False"


def test_it_says_whether_it_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.check=0")
    assert not keep_freed_memory()


def of_environment() -> dict[str, str | None]:
    return {name: os.environ.get(name) for name in KEEPING}


def test_the_program_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    monkeypatch.setattr(program, "keep_freed_memory", lambda: called.append("kept"))
    monkeypatch.setattr(sys, "argv", ["pyrosnn", "--version"])
    with pytest.raises(SystemExit):
        program.main()
    assert called == ["kept"]


@pytest.mark.slow
@pytest.mark.processes
def test_workers_start_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEEPING:  # Dask prefers what the environment says
        monkeypatch.delenv(name, raising=False)
    with local_cluster(1):
        found = get_client().submit(of_environment).result()
    assert found == {name: str(value) for name, value in KEEPING.items()}
