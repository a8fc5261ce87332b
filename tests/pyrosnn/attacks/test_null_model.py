"""Errors that no δ causes: a search that decides on V finds nothing in them."""

from typing import Any

import pytest
import torch

from pyrosnn.attacks import SPSA, Attack, Square
from pyrosnn.sampling import disjoint_sample_sets, predict
from pyrosnn.testing.toy_models import PureNoise

RATE = 0.2


@pytest.mark.statistical
@pytest.mark.parametrize(
    "attack",
    [
        Square(queries=10, selection_samples=20),
        Square(norm="linf", queries=10, selection_samples=20),
        SPSA(steps=5, relative_step=0.4, directions=2, selection_samples=20),
    ],
    ids=repr,
)
def test_the_accuracy_of_a_single_sample_is_one_minus_the_rate(attack: Any) -> None:
    """Of 1,000 images: within 4 standard deviations, which fails once in 16,000 runs."""
    found: Attack = attack
    classifier = PureNoise((4,), error=RATE)
    x, y = torch.rand(1000, 4), torch.zeros(1000, dtype=torch.long)
    A, other = disjoint_sample_sets(classifier, x, attack=1, inference=1, seed=0)
    delta = found(classifier, x, y, A).perturbation
    share = float((predict(classifier, x + delta, other).predicted == y).double().mean())
    assert abs(share - (1 - RATE)) < 4 * (RATE * (1 - RATE) / 1000) ** 0.5
