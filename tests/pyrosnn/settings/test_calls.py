"""Calls with wrong arguments end in one sentence with the right spelling."""

import copy
import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import pyrosnn
from pyrosnn import adapters, attacks
from pyrosnn.errors import ArgumentError

# called as no type checker lets it pass
FGM: Any = attacks.FGM
PGD: Any = attacks.PGD
MCDropout: Any = adapters.MCDropout
open_results: Any = pyrosnn.open_results


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
