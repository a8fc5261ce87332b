"""What benchmarks do otherwise than tests: all cores, no validation, a machine with a rate."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from pyrosnn.seeding import forked_rng, seed_sequence


@pytest.fixture(scope="session", autouse=True)
def all_cores() -> None:
    torch.set_num_threads(os.cpu_count() or 1)


@pytest.fixture(autouse=True)
def clean_random_state() -> Iterator[None]:
    """Instead of the tests' fixture, which turns Pyro's validation on."""
    with forked_rng(seed_sequence(0, "benchmark")):
        yield


@pytest.hookimpl(optionalhook=True)  # the tests run without pytest-benchmark
def pytest_benchmark_update_machine_info(config: Any, machine_info: dict[str, Any]) -> None:
    from benchmarks.limit import gflop_per_second

    torch.set_num_threads(os.cpu_count() or 1)
    machine_info["cores"] = os.cpu_count()
    machine_info["torch"] = torch.__version__.split("+")[0]
    machine_info["gflop_per_second"] = gflop_per_second()
