"""A GPU against the CPU of its machine, and against a loop over samples on the GPU.

Without a CUDA device all is skipped. Images and weights are random, of the right shapes: the time
depends on neither. The CPU's share of the largest works is smaller, and its time multiplied.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pytest
import torch
from benchmarks import by_hand, training
from benchmarks.by_hand import SampleLogits, dense_logits
from torch import Tensor
from torch.nn.functional import cross_entropy

from pyrosnn.attacks import FGM, PGD, AttackResult
from pyrosnn.conditions import attack_geometry
from pyrosnn.data.dataset import Dataset
from pyrosnn.models import build_model
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import MEMORY_BUDGET, SampleSet, disjoint_sample_sets
from pyrosnn.training import preset, train

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here")

CPU, GPU, LOOP = "CPU", "GPU", "loop on the GPU"
STEPS = 20
GPU_BUDGET = 2**34  # --memory-budget 16GiB


@pytest.fixture(autouse=True)
def full_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let convolutions be in float32, as the program does; torch's default is TF32."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A classifier, images, A and I, on one device.

    Attributes:
        delta: of FGM, for its geometry.
        logits: those of a single sample, as they are written by hand.
    """

    classifier: StochasticClassifier
    x: Tensor
    y: Tensor
    attack: SampleSet
    inference: SampleSet
    delta: AttackResult
    logits: SampleLogits


@dataclass(frozen=True, kw_only=True)
class Of:
    """Which network, on how many images, with how large sets."""

    model: str
    shape: tuple[int, int, int]
    images: int
    samples: int


BNN = Of(model="bnn", shape=(1, 28, 28), images=1000, samples=100)
SIN = replace(BNN, model="sin")
WIDE = Of(model="resnet", shape=(3, 32, 32), images=100, samples=10)


@cache
def case(of: Of, device: str) -> Case:
    torch.manual_seed(0)
    options = {"depth": 28, "width": 10} if of.model == "resnet" else {}
    made = build_model(of.model, image_shape=of.shape, num_classes=10, options=options)
    classifier = made.eval().requires_grad_(False).to(device)
    x = torch.rand(of.images, *of.shape).to(device)
    y = torch.randint(10, (of.images,)).to(device)
    sizes = {"attack": of.samples, "inference": of.samples}
    budget = MEMORY_BUDGET if device == "cpu" else GPU_BUDGET
    a, i = disjoint_sample_sets(classifier, x, **sizes, seed=0, memory_budget=budget)
    return Case(
        classifier=classifier,
        x=x,
        y=y,
        attack=a,
        inference=i,
        delta=FGM(strength=1.0)(classifier, x, y, a),
        logits=logits_of(classifier, a),
    )


def logits_of(classifier: StochasticClassifier, samples: SampleSet) -> SampleLogits:
    """Return the logits of single samples: of weights by hand, else the classifier's own."""
    stored = samples.tensors
    if all(name.startswith("weight") for name in stored):
        return dense_logits([value.squeeze(1) for value in stored.values()])
    return lambda x, s: classifier.logits(x, {n: v[s : s + 1] for n, v in stored.items()})[0]


def fgm(of: Case, precision: str = "full") -> Tensor:
    return FGM(strength=1.0, precision=precision)(of.classifier, of.x, of.y, of.attack).step


def fgm_by_hand(of: Case) -> Tensor:
    return by_hand.direction(of.logits, of.x, of.y, range(len(of.attack)))


def fgm_on_mean_logits(of: Case) -> Tensor:
    """Return the direction where f is a logit: one graph of all samples, as the mean needs it."""
    inputs = of.x.clone().requires_grad_()
    mean = torch.stack([of.logits(inputs, s) for s in range(len(of.attack))]).mean(0)
    (found,) = torch.autograd.grad(cross_entropy(mean, of.y, reduction="sum"), inputs)
    return found / by_hand.length(found).reshape(-1, *[1] * (inputs.ndim - 1))


def pgd(of: Case) -> Tensor:
    attack = PGD(strength=1.0, steps=STEPS, relative_step=0.1, fixed_samples=True)
    return attack(of.classifier, of.x, of.y, of.attack[:10]).step


def pgd_by_hand(of: Case) -> Tensor:
    delta = torch.zeros_like(of.x)
    for _ in range(STEPS):
        delta = delta + 0.1 * by_hand.direction(of.logits, of.x + delta, of.y, range(10))
        delta = delta / by_hand.length(delta).clamp(min=1).reshape(-1, 1, 1, 1)
    return delta


def geometry(of: Case) -> Tensor:
    return attack_geometry(of.classifier, of.x, of.y, of.delta, of.inference).cosine


def geometry_by_hand(of: Case) -> Tensor:
    size = range(len(of.inference))
    logits = logits_of(of.classifier, of.inference)
    f, gradients = by_hand.class_gradients(logits, of.x, size, 10)
    premise = f.argmax(1) == of.y
    found = by_hand.conditions([of.delta.step], f, gradients, of.y, [premise], [[premise]], [1.0])
    return found.cosine


@cache
def images(shape: tuple[int, int, int], number: int) -> Dataset:
    torch.manual_seed(0)
    x, y = torch.rand(number, *shape), torch.randint(10, (number,))
    return Dataset(name="random", x_train=x, y_train=y, x_test=x[:1], y_test=y[:1], num_classes=10)


def epoch_of_bnn(device: str) -> None:
    train(preset("bnn", "paper", epochs=1), images((1, 28, 28), 10_000), device=device)


def epoch_of_resnet(device: str, precision: str = "full") -> None:
    options = {"depth": 10, "width": 2}
    spec = preset("resnet", "paper", epochs=1, options=options, precision=precision)
    train(spec, images((3, 32, 32), 5_000), device=device)


def epoch_by_hand(device: str) -> None:
    data = images((1, 28, 28), 10_000)
    with torch.device(device):
        training.by_hand(
            data.x_train.to(device), data.y_train.to(device), [(785, 128), (129, 128), (129, 10)]
        )


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is timed.

    Attributes:
        ours: on a device, by its name.
        loop: the same by hand.
        on: classifier and images; None for a training, which makes its own.
        on_cpu: what the CPU does of it, where that is less.
        share: of a whole epoch that is timed.
        cpu: whether the CPU is timed.
        tf32: whether convolutions may round to ten bits.
    """

    ours: Callable[[Any], Any]
    loop: Callable[[Any], Any] | None = None
    on: Of | None = None
    on_cpu: Of | None = None
    share: float = 1.0
    cpu: bool = True
    tf32: bool = False

    def repeated(self, way: str) -> float:
        """Return how many times what is timed makes the whole."""
        if way == CPU and self.on is not None and self.on_cpu is not None:
            return self.on.images / self.on_cpu.images
        return 1 / self.share

    def given(self, way: str) -> Any:
        device = "cpu" if way == CPU else "cuda"
        of = self.on_cpu if way == CPU and self.on_cpu is not None else self.on
        return device if of is None else case(of, device)


FEW_WIDE = replace(WIDE, images=10)

WORKS: dict[str, Work] = {
    "FGM, BNN, S_A = 100, 1,000 images": Work(ours=fgm, loop=fgm_by_hand, on=BNN),
    "FGM, SIN, S_A = 100, 1,000 images": Work(ours=fgm, loop=fgm_on_mean_logits, on=SIN),
    "PGD, 20 steps, BNN, S_A = 10, 1,000 images": Work(ours=pgd, loop=pgd_by_hand, on=BNN),
    "geometry, BNN, S_I = 100, 1,000 images": Work(ours=geometry, loop=geometry_by_hand, on=BNN),
    "FGM, ResNet 28 × 10, S_A = 10, 100 images": Work(
        ours=fgm, loop=fgm_by_hand, on=WIDE, on_cpu=FEW_WIDE
    ),
    "the same in TF32": Work(ours=fgm, loop=fgm_by_hand, on=WIDE, cpu=False, tf32=True),
    "the same in bf16": Work(ours=lambda of: fgm(of, "bf16"), on=WIDE, cpu=False),
    "epoch of the BNN, 60,000 images": Work(ours=epoch_of_bnn, loop=epoch_by_hand, share=1 / 6),
    "epoch of ResNet 10 × 2, 50,000 images": Work(ours=epoch_of_resnet, share=1 / 10),
    "the same in bf16 and float32": Work(
        ours=lambda device: epoch_of_resnet(device, "bf16"), share=1 / 10, cpu=False
    ),
}


def ways(work: Work) -> list[str]:
    return [CPU] * work.cpu + [GPU] + [LOOP] * (work.loop is not None)


@pytest.mark.parametrize(
    ("name", "way"), [(name, way) for name, work in WORKS.items() for way in ways(work)]
)
def bench_device(name: str, way: str, benchmark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    work = WORKS[name]
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", work.tf32)
    given, run = work.given(way), work.loop if way == LOOP else work.ours
    assert run is not None

    def timed() -> Any:
        found = run(given)
        torch.cuda.synchronize()
        return found

    rounds, warm = (3, 1) if way == CPU else (9, 2)
    benchmark.group = "device"
    found = benchmark.pedantic(timed, rounds=rounds, warmup_rounds=warm)
    benchmark.extra_info.update(work=name, way=way, repeated=work.repeated(way))
    if way == LOOP and isinstance(found, Tensor):
        ours = work.ours(given)
        if found.ndim == 1:  # cosines
            torch.testing.assert_close(found, ours.to(found.dtype), rtol=1e-2, atol=1e-3)
        else:
            inner = (found * ours).flatten(1).sum(1)
            assert float((inner > 0.999).float().mean()) > 0.95, float(inner.min())
