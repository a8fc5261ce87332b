"""Peak memory of a process that attacks and judges: bounded by the budget, whatever S is."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

MIB = 2**20

# Each line of its output has a run's peak, and how far that is above what was taken before it.
PROGRAM = """
import ctypes, gc, json, sys
from pathlib import Path
import torch
import pyrosnn
from pyrosnn.certificates.certify import certify
from pyrosnn.models import build_model
from pyrosnn.models.smoothed import Smoothed

torch.set_num_threads(1)
torch.manual_seed(0)
shape = (1, 28, 28)
models = {}
for name, options in {"bnn": {}, "resnet": {"depth": 10, "width": 1}}.items():
    model = build_model(name, image_shape=shape, num_classes=10, options=options)
    models[name] = model.eval().requires_grad_(False)
x, y = torch.rand(20, *shape), torch.randint(10, (20,))

def run(name, work, size, budget):
    model = models[name]
    if work == "certify":
        smoothed = Smoothed(model, variance=0.1, num_noise=1)
        certify(smoothed, x, y, num_samples=max(size, 20), memory_budget=budget)
        return
    A, I = pyrosnn.disjoint_sample_sets(
        model, x, attack=size, inference=size, seed=0, memory_budget=budget
    )
    if work == "module":  # several evaluations that wait for their gradients
        module, images = pyrosnn.to_module(model, A), x.clone().requires_grad_()
        sum(module(images).sum() for _ in range(4)).backward()
        return
    attack = pyrosnn.FGM(strength=1.0)
    pyrosnn.evaluate(model, x, y, attack=attack, attack_samples=A, inference_samples=I)

def memory(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))

def settle():
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what is free goes back
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts at what is taken now

runs = json.loads(sys.argv[1])
for name, work, size, budget in runs:  # what is loaded or kept when each is first used
    run(name, work, 2, budget)
for name, work, size, budget in runs:
    settle()
    before = memory("VmRSS")
    run(name, work, size, budget)
    print(json.dumps({"peak": memory("VmHWM"), "growth": memory("VmHWM") - before}))
"""

# Model, work, S and budget. A quarter of a budget is for samples, of 0.47 MB each for the BNN:
# KEPT of them fit in a quarter of LOOSE, and 2 x KEPT do not. Those of the ResNet are the masks
# of 20 images, 0.44 MB.
LOOSE, TIGHT, KEPT = 256 * MIB, 64 * MIB, 120
Case = tuple[str, str, int, int]
Measured = dict[Case, dict[str, int]]
FEW: Case = ("bnn", "evaluate", 10, LOOSE)
MANY: Case = ("bnn", "evaluate", 2 * KEPT, LOOSE)
WHERE_IT_MAY: Case = ("bnn", "evaluate", KEPT, LOOSE)
IN_LITTLE: Case = ("bnn", "evaluate", KEPT, TIGHT)
FEW_MASKS: Case = ("resnet", "evaluate", 10, TIGHT)
MANY_MASKS: Case = ("resnet", "evaluate", 60, TIGHT)
MODULE_OF_MANY: Case = ("bnn", "module", 2 * KEPT, LOOSE)
MODULE_IN_LITTLE: Case = ("bnn", "module", KEPT, TIGHT)
FEW_DRAWS: Case = ("bnn", "certify", 20, TIGHT)
MANY_DRAWS: Case = ("bnn", "certify", 2 * KEPT, TIGHT)
CASES = (
    *(FEW, MANY, WHERE_IT_MAY, IN_LITTLE, FEW_MASKS, MANY_MASKS),
    *(MODULE_OF_MANY, MODULE_IN_LITTLE, FEW_DRAWS, MANY_DRAWS),
)

pytestmark = [pytest.mark.slow, pytest.mark.processes]


@pytest.fixture(scope="module")
def measured() -> Measured:
    """Peak and growth in bytes of all cases, in one process of their own."""
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("peak memory is measured by Linux' /proc/self/clear_refs")
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(CASES)],
        # what is large goes back when it is freed: no limit that moves with what was freed before
        env={**os.environ, "MALLOC_MMAP_THRESHOLD_": str(2**20), "MALLOC_TRIM_THRESHOLD_": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(zip(CASES, map(json.loads, found.stdout.splitlines()), strict=True))


def test_memory_does_not_grow_with_the_number_of_samples_and_follows_the_budget(
    measured: Measured,
) -> None:
    """The samples alone take 2 x 5 MB, 2 x 113 MB, and 2 x 57 MB twice."""
    assert measured[MANY]["growth"] < measured[FEW]["growth"] + 32 * MIB
    # it is kept where it may be
    assert 105 * MIB < measured[WHERE_IT_MAY]["growth"] < LOOSE
    assert measured[IN_LITTLE]["growth"] < TIGHT


def test_dropout_masks_are_kept_within_the_budget_too(measured: Measured) -> None:
    """The masks of S = 60 take 2 x 26 MB on 20 images."""
    few, many = measured[FEW_MASKS], measured[MANY_MASKS]
    assert many["growth"] < few["growth"] + 20 * MIB


def test_a_certificate_keeps_counts_of_its_draws(measured: Measured) -> None:
    """The draws of weights and noise take 11 MB and 128 MB."""
    few, many = measured[FEW_DRAWS], measured[MANY_DRAWS]
    assert many["growth"] < few["growth"] + 20 * MIB
    assert many["growth"] < TIGHT


def test_a_module_keeps_no_graph_of_all_samples(measured: Measured) -> None:
    """With four evaluations that wait for their gradients; the samples take 57 MB, and 113 MB."""
    assert measured[MODULE_OF_MANY]["growth"] < 64 * MIB
    assert measured[MODULE_IN_LITTLE]["growth"] < 64 * MIB
