"""Noise of a module's own against noise parts of ours, and against replay by seeds."""

import resource
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pyrosnn.adapters import SeededModule, Stochastic
from pyrosnn.attacks import FGM
from pyrosnn.evaluation import evaluate
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.composed import Composed
from pyrosnn.noise.features import FeatureNoise
from pyrosnn.sampling import disjoint_sample_sets

SHAPE = (1, 8, 8)
STRENGTHS = [0.1, 0.3, 0.5]


class Noise(nn.Module):
    """Gaussian noise of variance 0.01."""

    def forward(self, x: Tensor) -> Tensor:
        return x + 0.1 * torch.randn_like(x)


def cnn(noise: Callable[[], nn.Module]) -> nn.Module:
    """A small CNN with noise behind both convolutions."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), noise(),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), noise(),
        nn.Flatten(), nn.Linear(512, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip


WAYS: dict[str, Callable[[], StochasticClassifier]] = {
    "noise parts of ours": lambda: Composed(
        cnn(nn.Identity),
        noise=[FeatureNoise(feature_variance=0.01, places=["2", "6"])],
        image_shape=SHAPE,
    ),
    "Stochastic": lambda: Stochastic(cnn(Noise), SHAPE),
    "by seeds": lambda: SeededModule(cnn(Noise), SHAPE),
}
made = cache(lambda way: WAYS[way]())


def judged(way: str, images: int, attack: int, inference: int) -> float:
    """Return the CPU seconds of an evaluation: clocks of a shared machine tell less."""
    classifier = made(way)
    x, y = torch.rand(images, *SHAPE), torch.arange(images) % 10
    a, i = disjoint_sample_sets(classifier, x, attack=attack, inference=inference, seed=0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    evaluate(
        classifier, x, y, attack=FGM(), attack_samples=a, inference_samples=i, strengths=STRENGTHS
    )
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime - before


@pytest.mark.parametrize(
    ("way", "than"), [("noise parts of ours", "Stochastic"), ("Stochastic", "by seeds")]
)
def bench_any_module(way: str, than: str, benchmark: Any) -> None:
    benchmark.group = "any-module"
    size = (50, 50, 200) if than == "Stochastic" else (10, 20, 100)
    judged(way, 4, 2, 4), judged(than, 4, 2, 4)  # first calls load what torch leaves for them
    rounds = [(judged(way, *size), judged(than, *size)) for _ in range(5 if size[0] == 50 else 1)]
    ratio = min(slow for _, slow in rounds) / min(fast for fast, _ in rounds)
    benchmark.extra_info.update(way=f"{than} / {way}", ratio=ratio)
    benchmark.pedantic(judged, args=(way, *size), rounds=1)
    print(f"{than} takes {ratio:.2f} times the CPU time of {way}")
