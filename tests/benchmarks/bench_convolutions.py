"""An evaluation of networks with convolutions: one as a user writes it, and the paper's kind."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import pytest
import torch
from benchmarks.networks import conv_case
from torch import Tensor

import pyrosnn
from pyrosnn.models import build_model

SAMPLES, STRENGTH = {"attack": 10, "inference": 30}, 0.5
WIDE = {"depth": 10, "width": 2, "dropout": 0.3}  # the reproduction's, on CIFAR-10


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is evaluated: a classifier, images, A and I."""

    classifier: pyrosnn.StochasticClassifier
    x: Tensor
    y: Tensor
    attack: pyrosnn.SampleSet
    inference: pyrosnn.SampleSet

    def __call__(self) -> Any:
        return pyrosnn.evaluate(
            self.classifier,
            self.x,
            self.y,
            attack=pyrosnn.FGM(strength=STRENGTH),
            attack_samples=self.attack,
            inference_samples=self.inference,
        )


def small(*, composed: bool = False) -> Work:
    """The small convolutional network with channel dropout, trained."""
    case = conv_case(composed=composed)
    return _work(case.classifier, case.x, case.y)


def wide(images: int = 20) -> Work:
    """The wide residual network with dropout masks; its time does not depend on its weights."""
    torch.manual_seed(0)
    network = build_model("resnet", image_shape=(3, 32, 32), num_classes=10, options=WIDE)
    x, y = torch.rand(images, 3, 32, 32), torch.randint(10, (images,))
    return _work(network.eval().requires_grad_(False), x, y)


def _work(classifier: pyrosnn.StochasticClassifier, x: Tensor, y: Tensor) -> Work:
    attack, inference = pyrosnn.disjoint_sample_sets(classifier, x, **SAMPLES, seed=0)
    return Work(classifier=classifier, x=x, y=y, attack=attack, inference=inference)


WORKS: dict[str, Callable[[], Work]] = {
    "small convolutional network, as a user writes it": cache(small),
    "the same, composed of layers": cache(partial(small, composed=True)),
    "wide residual network, 10 × 2": cache(wide),
}


@pytest.mark.parametrize("name", WORKS)
def bench_convolutions(name: str, benchmark: Any) -> None:
    work = WORKS[name]()
    benchmark.group = "convolutions"
    found = benchmark.pedantic(work, rounds=3, warmup_rounds=1)
    benchmark.extra_info.update(case=name, images=len(work.x), way="pyrosnn")
    norm = torch.from_numpy(found["perturbation_norm"].values)
    torch.testing.assert_close(norm, torch.full_like(norm, STRENGTH))
