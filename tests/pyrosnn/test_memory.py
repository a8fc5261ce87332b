"""Peak memory of a process that attacks and judges: bounded by the budget, whatever S is."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

MIB = 2**20

# Each line of its output has a run's peak, and how far that is above what was taken before it.
PROGRAM = """
import ctypes, gc, json, sys
from pathlib import Path
import torch
import pyrosnn
from pyrosnn.models import build_model

torch.set_num_threads(1)
torch.manual_seed(0)
name, options, images, runs = json.loads(sys.argv[1])
shape = (1, 28, 28)
bnn = build_model(name, image_shape=shape, num_classes=10, options=options)
bnn = bnn.eval().requires_grad_(False)
x, y = torch.rand(images, *shape), torch.randint(10, (images,))

def run(size, budget, work="evaluate"):
    A, I = pyrosnn.disjoint_sample_sets(
        bnn, x, attack=size, inference=size, seed=0, memory_budget=budget
    )
    if work == "module":  # several evaluations that wait for their gradients
        module, images = pyrosnn.to_module(bnn, A), x.clone().requires_grad_()
        sum(module(images).sum() for _ in range(4)).backward()
        return
    attack = pyrosnn.FGM(strength=1.0)
    pyrosnn.evaluate(bnn, x, y, attack=attack, attack_samples=A, inference_samples=I)

def memory(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))

def settle():
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what is free goes back
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts at what is taken now

for size, budget, *work in runs:  # what is loaded or kept when each is first used
    run(2, budget, *work)
for size, budget, *work in runs:
    settle()
    before = memory("VmRSS")
    run(size, budget, *work)
    print(json.dumps({"peak": memory("VmHWM"), "growth": memory("VmHWM") - before}))
"""


def measure(
    *runs: tuple[int, int] | tuple[int, int, str],
    model: str = "bnn",
    options: Mapping[str, int] = MappingProxyType({}),
    images: int = 100,
) -> list[dict[str, int]]:
    """Return peak and growth in bytes of runs with (S, budget, work), in a process of their own."""
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("peak memory is measured by Linux' /proc/self/clear_refs")
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps([model, dict(options), images, runs])],
        # what is large goes back when it is freed: no limit that moves with what was freed before
        env={**os.environ, "MALLOC_MMAP_THRESHOLD_": str(2**20), "MALLOC_TRIM_THRESHOLD_": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in found.stdout.splitlines()]


@pytest.mark.slow
@pytest.mark.processes
def test_memory_does_not_grow_with_the_number_of_samples_and_follows_the_budget() -> None:
    """The samples alone take 2 x 47 MB at S = 100, and 2 x 283 MB at S = 600."""
    few, many, loose, tight = measure((10, 2**30), (600, 2**30), (100, 2**30), (100, 64 * MIB))
    assert many["peak"] < 1.1 * few["peak"]
    assert 90 * MIB < loose["growth"] < 2**30  # it is kept where it may be
    assert tight["growth"] < 64 * MIB


@pytest.mark.slow
@pytest.mark.processes
def test_dropout_masks_are_kept_within_the_budget_too() -> None:
    """The masks of S = 80 take 2 x 35 MB on 20 images; a page of them 7 MB."""
    few, many = measure(
        (10, 64 * MIB), (80, 64 * MIB), model="resnet", options={"depth": 10, "width": 1}, images=20
    )
    assert many["peak"] < 1.1 * few["peak"]
    assert many["growth"] < few["growth"] + 32 * MIB


@pytest.mark.slow
@pytest.mark.processes
def test_a_module_keeps_no_graph_of_all_samples() -> None:
    """With four evaluations that wait for their gradients; the samples take 47 MB at S = 100."""
    few, many, tight = measure(
        (100, 2**30, "module"), (600, 2**30, "module"), (100, 64 * MIB, "module")
    )
    assert many["peak"] < 1.1 * few["peak"]
    assert tight["growth"] < 64 * MIB
