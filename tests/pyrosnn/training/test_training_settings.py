"""Optimizers, learning rates over the epochs, augmentation, precision: as data, by their names."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.optim.lr_scheduler import LRScheduler, MultiStepLR, OneCycleLR
from torchvision.transforms.v2 import functional

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, UnknownNameError
from pyrosnn.evaluation import accuracy
from pyrosnn.training import TrainingSpec, preset, train
from pyrosnn.training.images.augmentations import AUGMENTATIONS, crop, flip
from pyrosnn.training.loop import _train_epoch
from pyrosnn.training.loss import make_loss
from pyrosnn.training.optimizers import OPTIMIZERS
from pyrosnn.training.schedules import SCHEDULES, learning_rate

PAPER = preset("resnet", "paper")


def test_the_papers_settings() -> None:
    """Supplement B: 200 epochs, batch 100, SGD 0.9, 5e-4, 0.1 → 0.02 at 60 → 0.004 at 120."""
    assert (PAPER.epochs, PAPER.batch_size, PAPER.optimizer) == (200, 100, "sgd")
    assert (PAPER.momentum, PAPER.nesterov, PAPER.weight_decay) == (0.9, False, 5e-4)
    assert PAPER.options == {"depth": 28, "width": 10, "dropout": 0.3, "per_example": True}
    # epoch k begins when k - 1 are done
    rates = {epoch: learning_rate(PAPER, epoch - 1.0) for epoch in (1, 60, 61, 120, 121, 200)}
    assert rates == pytest.approx(
        {1: 0.1, 60: 0.1, 61: 0.02, 120: 0.02, 121: 0.004, 200: 0.004}, rel=1e-12
    )
    assert preset("bnn", "paper").optimizer == "adam"
    assert preset("resnet", options={"dropout": 0.6}).options["depth"] == 10  # the preset's stay


def torchs(scheduler: Any, optimizer: torch.optim.Optimizer, number: int) -> list[float]:
    rates = []
    for _ in range(number):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        assert isinstance(scheduler, LRScheduler)
        scheduler.step()
    return rates


def test_steps_are_torchs() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    scheduler = MultiStepLR(optimizer, milestones=[60, 120], gamma=0.2)
    own = [learning_rate(PAPER, float(epoch)) for epoch in range(200)]
    assert own == pytest.approx(torchs(scheduler, optimizer, 200), rel=1e-9)


@pytest.mark.slow
def test_one_cycle_is_torchs() -> None:
    """torch counts to the last step, we to the end of the last epoch: alike for many steps."""
    spec = replace(PAPER, schedule="one-cycle", epochs=20)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1, momentum=0.9)
    scheduler = OneCycleLR(optimizer, 0.1, total_steps=20_001, pct_start=0.25, cycle_momentum=False)
    reference = torchs(scheduler, optimizer, 20_000)
    own = [learning_rate(spec, step / 1000) for step in range(20_000)]
    assert own == pytest.approx(reference, abs=2e-5)


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_no_schedule_exceeds_its_peak(name: str) -> None:
    spec = replace(PAPER, schedule=name)
    rates = [learning_rate(spec, step / 10) for step in range(2000)]
    assert max(rates) == pytest.approx(0.1)
    assert min(rates) > 0


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_an_epoch_takes_the_optimizers_steps_at_the_schedules_rates(name: str) -> None:
    """Two epochs of three steps on f(w) = mean(x) w, against torch's optimizer by hand."""
    spec = preset(
        "resnet",
        optimizer=name,
        batch_size=4,
        epochs=2,
        schedule="steps",
        milestones=(1,),
        decay=0.5,
        learning_rate=0.1,
        weight_decay=0.01,
    )
    x, y = torch.ones(12, 1), torch.zeros(12, dtype=torch.int64)
    w, by_hand = (torch.tensor([0.5], requires_grad=True) for _ in range(2))
    optimizer = OPTIMIZERS[name](spec, [w])  # type: ignore[arg-type]

    def loss_of(x: Tensor, y: Tensor, /, *, epoch: int = 1, batch: int = 0) -> Tensor:
        return x.mean() * w.sum()

    for epoch in range(2):
        _train_epoch(loss_of, optimizer, x, y, spec, done=epoch)
    make: dict[str, Any] = {
        "sgd": lambda p: torch.optim.SGD([p], 0.1, momentum=0.9, weight_decay=0.01),
        "adam": lambda p: torch.optim.Adam([p], 0.1, weight_decay=0.01),
    }
    reference = make[name](by_hand)
    for step in range(6):
        reference.param_groups[0]["lr"] = 0.1 if step < 3 else 0.05
        reference.zero_grad()
        by_hand.sum().backward()
        reference.step()
    torch.testing.assert_close(w, by_hand)


def test_a_cycle_moves_the_rate_at_every_step() -> None:
    spec = preset("resnet", batch_size=3, epochs=2, schedule="one-cycle")
    w = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([w])
    rates: list[float] = []

    def loss_of(x: Tensor, y: Tensor, /, *, epoch: int = 1, batch: int = 0) -> Tensor:
        rates.append(optimizer.param_groups[0]["lr"])
        return w.sum()

    for epoch in range(2):
        _train_epoch(loss_of, optimizer, torch.ones(12, 1), torch.zeros(12), spec, done=epoch)
    assert rates == [learning_rate(spec, step / 4) for step in range(8)]
    assert len(set(rates)) == 8


@pytest.mark.statistical
def test_each_image_is_shifted_on_its_own_and_its_border_reflected() -> None:
    x = torch.rand(300, 2, 9, 7)
    padded = functional.pad(x, [4], padding_mode="reflect")
    windows = {
        (down, right): padded[:, :, down : down + 9, right : right + 7]
        for down in range(9)
        for right in range(9)
    }
    found = [
        [place for place, window in windows.items() if torch.equal(window[i], image)]
        for i, image in enumerate(crop(x))
    ]
    assert all(len(places) == 1 for places in found)
    places = [place for (place,) in found]
    # 81 places, 300 images: fewer than 70 would come once in 10^12 draws
    assert len(set(places)) >= 70
    assert {down for down, _ in places} == {right for _, right in places} == set(range(9))


@pytest.mark.statistical
def test_each_image_is_mirrored_on_its_own() -> None:
    x = torch.rand(400, 2, 3, 5)
    mirrored = [torch.equal(a, b.flip(-1)) for a, b in zip(flip(x), x, strict=True)]
    kept = [torch.equal(a, b) for a, b in zip(flip(x), x, strict=True)]
    assert abs(sum(mirrored) - 200) < 50  # five standard errors
    assert abs(sum(kept) - 200) < 50
    assert all(
        torch.equal(a, b) or torch.equal(a, b.flip(-1)) for a, b in zip(flip(x), x, strict=True)
    )


@pytest.mark.parametrize("name", list(AUGMENTATIONS))
def test_augmentations_keep_bounds_shape_and_the_data_themselves(name: str) -> None:
    x = torch.rand(50, 3, 32, 32)
    before = x.clone()
    changed = AUGMENTATIONS[name](x)
    assert changed.shape == x.shape
    assert torch.equal(x, before)
    assert x.min() <= changed.min() <= changed.max() <= x.max()
    assert torch.equal(changed, x) == (name == "none")


def test_training_sees_augmented_images(digits: Dataset) -> None:
    seen: list[Tensor] = []
    w = torch.zeros((), requires_grad=True)

    def loss_of(x: Tensor, y: Tensor, /, *, epoch: int = 1, batch: int = 0) -> Tensor:
        seen.append(x)
        return w * 0

    x, y = digits.x_train[:100], digits.y_train[:100]
    for augmentation in ("none", "flip"):
        torch.manual_seed(3)
        spec = preset("resnet", augmentation=augmentation)
        _train_epoch(loss_of, torch.optim.SGD([w]), x, y, spec)
    plain, mirrored = seen
    assert torch.equal(plain.sum(-1), mirrored.sum(-1))
    assert not torch.equal(plain, mirrored)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["bnn", "sin", "resnet"])
def test_mixed_precision_is_a_rounding(
    model: str, specs: dict[str, TrainingSpec], digits: Dataset
) -> None:
    """The same loss to three digits, computed in bfloat16; parameters stay float32."""
    spec = specs[model]
    x, y = digits.x_train[:50], digits.y_train[:50]
    torch.manual_seed(0)
    classifier = train(replace(spec, epochs=1), digits).requires_grad_(True)
    losses = {}
    for precision in ("full", "bf16"):
        torch.manual_seed(1)
        loss_of = make_loss(classifier, replace(spec, precision=precision), num_images=50)
        loss = loss_of(x, y)
        losses[precision] = float(loss.detach())
    assert losses["bf16"] == pytest.approx(losses["full"], rel=0.02)
    assert losses["bf16"] != losses["full"]
    trained = train(replace(spec, epochs=1, precision="bf16"), digits)
    assert {p.dtype for p in trained.parameters()} == {torch.float32}


@pytest.mark.slow
def test_sgd_and_augmentation_train_a_resnet(digits: Dataset) -> None:
    spec = preset("resnet", epochs=4, precision="bf16", augmentation="none")
    network = train(spec, digits)
    assert accuracy(network, digits.x_test, digits.y_test, num_samples=10) > 0.6  # chance is 0.1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimizer": "sgdd"}, "unknown optimizer 'sgdd'; did you mean 'sgd'"),
        ({"schedule": "step"}, "unknown schedule 'step'; did you mean 'steps'"),
        ({"augmentation": "flips"}, "unknown augmentation 'flips'; did you mean 'flip'"),
        ({"precision": "bf8"}, "unknown precision 'bf8'; did you mean 'bf16'"),
    ],
)
def test_unknown_names_are_refused(changes: dict[str, str], message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        preset("resnet", **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"decay": 0.0}, r"decay must be in \(0, 1\], got 0.0"),
        ({"momentum": -0.1}, "momentum must be >= 0 and finite, got -0.1"),
        ({"weight_decay": -1.0}, "weight_decay must be >= 0 and finite, got -1.0"),
        ({"nesterov": True, "momentum": 0.0}, "nesterov needs a momentum > 0"),
    ],
)
def test_bad_settings_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        preset("resnet", **changes)


def test_settings_that_an_older_checkpoint_does_not_have_are_those_it_was_made_with() -> None:
    old = {
        "model": "bnn",
        "options": {"hidden": [128, 128]},
        "epochs": 50,
        "batch_size": 100,
        "learning_rate": 0.001,
        "num_particles": 5,
        "kl_weight": 1.0,
        "smoothing_variance": 0.0,
        "noisy_copies": 2,
        "seed": 0,
    }
    assert TrainingSpec(**old) == preset("bnn", "paper")  # type: ignore[arg-type]
