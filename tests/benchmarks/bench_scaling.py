"""How the time of an evaluation grows with A, I, images and classes, one at a time."""

from typing import Any

import pytest
import torch

from pyrosnn.attacks import FGM
from pyrosnn.evaluation import evaluate
from pyrosnn.models import build_model
from pyrosnn.sampling import disjoint_sample_sets

USUAL = {"S_A": 64, "S_I": 64, "images": 250, "classes": 10}
GRID = {
    "S_A": (16, 64, 256, 1024),
    "S_I": (16, 64, 256, 1024),
    "images": (62, 250, 1000, 4000),
    "classes": (10, 40, 160, 640),
}


@pytest.mark.parametrize(
    ("varied", "value"), [(varied, value) for varied, values in GRID.items() for value in values]
)
def bench_scaling(varied: str, value: int, benchmark: Any) -> None:
    size = {**USUAL, varied: value}
    torch.manual_seed(0)
    bnn = (
        build_model("bnn", image_shape=(1, 28, 28), num_classes=size["classes"])
        .eval()
        .requires_grad_(False)
    )
    x = torch.rand(size["images"], 1, 28, 28)
    y = torch.randint(size["classes"], (size["images"],))
    a, i = disjoint_sample_sets(bnn, x, attack=size["S_A"], inference=size["S_I"], seed=0)

    def work() -> None:
        evaluate(bnn, x, y, attack=FGM(strength=1.0), attack_samples=a, inference_samples=i)

    benchmark.group = "scaling"
    benchmark.pedantic(work, rounds=3, warmup_rounds=1)
    benchmark.extra_info.update(varied=varied, value=value)
