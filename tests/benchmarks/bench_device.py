"""A GPU against the CPU of its machine, and against a loop over samples on the GPU.

Without a CUDA device all is skipped. Images and weights are random, of the right shapes: the time
depends on neither. Of the largest work the CPU does a part, and its time is multiplied.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import pytest
import torch
from benchmarks import by_hand, training
from benchmarks.by_hand import SampleLogits, dense_logits
from benchmarks.record import length
from torch import Tensor
from torch.nn.functional import cross_entropy

from pyrosnn.attacks import FGM, PGD, AttackResult
from pyrosnn.conditions import attack_geometry
from pyrosnn.data.dataset import Dataset
from pyrosnn.models import build_model
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import MEMORY_BUDGET, SampleSet, disjoint_sample_sets
from pyrosnn.seeding import repeatable
from pyrosnn.training import preset, train

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here")

CPU, GPU, LOOP = "CPU", "GPU", "loop on the GPU"
STEPS = 20
GPU_BUDGET = 2**34  # --memory-budget 16GiB


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
    return found / length(found).reshape(-1, *[1] * (inputs.ndim - 1))


def pgd(of: Case) -> Tensor:
    attack = PGD(strength=1.0, steps=STEPS, relative_step=0.1, fixed_samples=True)
    return attack(of.classifier, of.x, of.y, of.attack[:10]).step


def pgd_by_hand(of: Case) -> Tensor:
    delta = torch.zeros_like(of.x)
    for _ in range(STEPS):
        delta = delta + 0.1 * by_hand.direction(of.logits, of.x + delta, of.y, range(10))
        delta = delta / length(delta).clamp(min=1).reshape(-1, 1, 1, 1)
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
    train(spec, images((3, 32, 32), 2_500), device=device)


def epoch_by_hand(device: str) -> None:
    data = images((1, 28, 28), 10_000)
    with torch.device(device):
        training.by_hand(
            data.x_train.to(device), data.y_train.to(device), [(785, 128), (129, 128), (129, 10)]
        )


@dataclass(frozen=True, kw_only=True)
class Work:
    """A row of the table.

    Attributes:
        ours: the work, given a :class:`Case`, or the device of a training.
        loop: the same by hand.
        on: classifier and images; None for a training, which makes its own.
        on_cpu: the smaller case that the CPU is timed on; None for the same.
        share: share of an epoch that is timed.
        ways: what is timed.
        tf32: whether convolutions round to TF32, as torch lets them in a training.
        rounds: on the GPU.
    """

    ours: Callable[[Any], Any]
    loop: Callable[[Any], Any] | None = None
    on: Of | None = None
    on_cpu: Of | None = None
    share: float = 1.0
    ways: tuple[str, ...] = (CPU, GPU, LOOP)
    tf32: bool = False
    rounds: int = 9

    def case(self, way: str) -> Of | None:
        return self.on_cpu or self.on if way == CPU else self.on

    def times(self, way: str) -> float:
        """Return how many times the timed work makes the whole."""
        timed = self.case(way)
        images = 1.0 if self.on is None or timed is None else self.on.images / timed.images
        return images / self.share


FEW_WIDE = replace(WIDE, images=10)

WORKS: dict[str, Work] = {
    "FGM, BNN, S_A = 100, 1,000 images": Work(ours=fgm, loop=fgm_by_hand, on=BNN),
    "FGM, SIN, S_A = 100, 1,000 images": Work(ours=fgm, loop=fgm_on_mean_logits, on=SIN),
    "PGD, BNN, 20 steps, S_A = 10, 1,000 images": Work(ours=pgd, loop=pgd_by_hand, on=BNN),
    "geometry, BNN, S_I = 100, 1,000 images": Work(ours=geometry, loop=geometry_by_hand, on=BNN),
    "FGM, ResNet 28 × 10, S_A = 10, 100 images": Work(
        ours=fgm, loop=fgm_by_hand, on=WIDE, on_cpu=FEW_WIDE, rounds=3
    ),
    "the same, TF32": Work(ours=fgm, loop=fgm_by_hand, on=WIDE, ways=(GPU, LOOP), tf32=True),
    "the same, bf16": Work(ours=partial(fgm, precision="bf16"), on=WIDE, ways=(GPU,)),
    "epoch, BNN, 60,000 images": Work(ours=epoch_of_bnn, loop=epoch_by_hand, share=1 / 6),
    "epoch, ResNet 10 × 2, 50,000 images, TF32": Work(
        ours=epoch_of_resnet, share=1 / 20, ways=(CPU, GPU), tf32=True
    ),
    "the same training, bf16": Work(
        ours=partial(epoch_of_resnet, precision="bf16"), share=1 / 20, ways=(GPU,), tf32=True
    ),
}


@pytest.mark.parametrize(
    ("name", "way"), [(name, way) for name, work in WORKS.items() for way in work.ways]
)
def bench_device(name: str, way: str, benchmark: Any) -> None:
    work = WORKS[name]
    device, of = "cpu" if way == CPU else "cuda", work.case(way)
    given: Any = device if of is None else case(of, device)
    run = work.loop if way == LOOP else work.ours
    assert run is not None

    def timed() -> Any:
        found = run(given)
        torch.cuda.synchronize()
        return found

    benchmark.group = "device"
    benchmark.extra_info.update(work=name, way=way, times=work.times(way))
    with repeatable(exact=not work.tf32):
        found = benchmark.pedantic(
            timed, rounds=3 if way == CPU else work.rounds, warmup_rounds=2 if way == GPU else 1
        )
        if way == LOOP and isinstance(found, Tensor):
            assert_agree(found, work.ours(given))


def assert_agree(found: Tensor, ours: Tensor) -> None:
    """Fail unless directions, or cosines, are the same but for rounding."""
    if found.ndim == 1:
        torch.testing.assert_close(found, ours.to(found.dtype), rtol=1e-2, atol=1e-3)
        return
    inner = (found * ours).flatten(1).sum(1)
    assert float((inner > 0.999).float().mean()) > 0.95, float(inner.min())
