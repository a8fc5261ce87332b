"""Calls with wrong arguments end in one sentence with the right spelling."""

import copy
import inspect
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import torch
from torch import nn

import pyrosnn
from pyrosnn import adapters, attacks
from pyrosnn.errors import ArgumentError
from pyrosnn.settings import RightlyCalled
from pyrosnn.training.images.trades import Trades as TradesImages

# called as no type checker lets it pass
FGM: Any = attacks.FGM
PGD: Any = attacks.PGD
MCDropout: Any = adapters.MCDropout
open_results: Any = pyrosnn.open_results
Trades: Any = TradesImages
library: Any = pyrosnn


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: FGM(eps=0.3), "FGM has no argument 'eps'; write strength=0.3"),
        (lambda: FGM(strenght=0.3), "FGM has no argument 'strenght'; write strength=0.3"),
        (lambda: FGM(colour=1), "FGM has no argument 'colour'; it has norm, strength, "),
        (lambda: FGM(0.3), "FGM takes its arguments by name, got 0.3; write strength=0.3"),
        (lambda: FGM("linf"), "FGM takes its arguments by name, got 'linf'; write norm='linf'"),
        (lambda: PGD(strength=1, epsilon=2), "PGD has no argument 'epsilon'; write strength=2"),
        (
            lambda: MCDropout(nn.Dropout(0.5)),
            "MCDropout needs image_shape, shape of one image; write MCDropout(module, image_shape)",
        ),
        (
            lambda: MCDropout(nn.Dropout(0.5), (1, 8, 8), "probs"),
            "MCDropout takes only module, image_shape by place, got 'probs'; write output='probs'",
        ),
        (lambda: open_results(), "open_results needs path"),
        (
            lambda: open_results("a", file="b"),
            "open_results has no argument 'file'; it has",
        ),
    ],
)
def test_the_right_spelling_is_named(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ArgumentError) as error:
        call()
    assert message in str(error.value)


def public() -> list[str]:
    """Return what a user may call: functions and classes, but for errors and abstract bases."""
    return [
        name
        for name in pyrosnn.__all__
        if callable(made := getattr(pyrosnn, name))
        and not inspect.isabstract(made)
        and not (inspect.isclass(made) and issubclass(made, Exception))
    ]


@pytest.mark.parametrize("name", public())
def test_a_call_without_arguments_says_what_is_needed(name: str) -> None:
    """Where every argument has a default the call is right; a TypeError of Python's is a fault."""
    with suppress(ArgumentError):
        getattr(pyrosnn, name)()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: library.Dataset(), "Dataset needs name, "),
        (lambda: library.Dataset(x=1), "Dataset has no argument 'x'; it has name, x_train"),
        (lambda: library.TrainingSpec(), "TrainingSpec needs "),
        (lambda: library.AttackResult(), "AttackResult needs "),
        (lambda: library.Finding("replay"), "Finding takes its arguments by name, got 'replay'"),
        (lambda: Trades(), "Trades needs strength; write Trades(strength=…)"),
    ],
)
def test_dataclasses_say_what_they_need(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ArgumentError) as error:
        call()
    assert message in str(error.value)


def test_errors_within_a_class_stay_what_they_are() -> None:
    class Broken(metaclass=RightlyCalled):
        def __init__(self, size: int) -> None:
            self.size = size + "1"  # type: ignore[operator]

    with pytest.raises(TypeError, match="unsupported operand"):
        Broken(3)
    with pytest.raises(ArgumentError, match="Broken needs size; write Broken"):
        Broken()  # type: ignore[call-arg]


def test_settings_are_still_copied_and_described() -> None:
    attack = FGM(strength=0.3, norm="linf")
    for same in (copy.copy(attack), copy.deepcopy(attack)):
        assert same == attack
    fields = list(inspect.signature(FGM).parameters)
    assert fields[:2] == ["norm", "strength"]
    assert list(inspect.signature(MCDropout).parameters)[:2] == ["module", "image_shape"]
    called = inspect.signature(attack)  # what an attack is called with
    assert list(called.parameters)[:3] == ["classifier", "x", "y"]
    net: Any = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, 10))
    noisy = MCDropout(net, image_shape=(1, 8, 8))
    assert torch.equal(copy.deepcopy(noisy).module[2].weight, net[2].weight)
