"""Training the paper's BNN: ours, torch by hand, and Pyro as its tutorials have it."""

import os
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from benchmarks import training
from benchmarks.networks import enlarged_digits
from torch import Tensor

from pyrosnn.data import load_dataset
from pyrosnn.data.dataset import Dataset
from pyrosnn.training import preset, train

IMAGES = 10_000  # a sixth of an epoch on FashionMNIST
SHAPES = [(785, 128), (129, 128), (129, 10)]


@cache
def images() -> Dataset:
    """Return FashionMNIST if it is here, else enlarged digits, which take the same time."""
    here = "PYROSNN_DATA" in os.environ
    data = load_dataset("fashion-mnist", os.environ["PYROSNN_DATA"]) if here else enlarged_digits()
    copies = -(-IMAGES // len(data.x_train))
    return Dataset(
        name=data.name,
        x_train=data.x_train.repeat(copies, 1, 1, 1)[:IMAGES],
        y_train=data.y_train.repeat(copies)[:IMAGES],
        x_test=data.x_test,
        y_test=data.y_test,
        num_classes=10,
    )


def by_pyrosnn(x: Tensor, y: Tensor) -> None:
    train(preset("bnn", "paper", epochs=1), images())


def by_hand(x: Tensor, y: Tensor) -> None:
    training.by_hand(x, y, SHAPES)


def by_tutorial(x: Tensor, y: Tensor) -> None:
    training.tutorial(x, y, SHAPES)


WAYS: dict[str, Callable[[Tensor, Tensor], None]] = {
    "pyrosnn": by_pyrosnn,
    "torch by hand": by_hand,
    "Pyro, as in its tutorials": by_tutorial,
}


@pytest.mark.parametrize("way", WAYS)
def bench_training(way: str, benchmark: Any) -> None:
    data = images()
    rounds = 2 if "tutorials" in way else 7
    benchmark.group = "training"
    benchmark.pedantic(WAYS[way], args=(data.x_train, data.y_train), rounds=rounds, warmup_rounds=1)
    benchmark.extra_info.update(way=way, data=data.name, share=IMAGES / 60_000)
