"""Errors that no δ causes: a search that decides on V finds nothing in them."""

from typing import Any

import pyro
import pytest
import torch
from pyro.distributions import Bernoulli
from torch import Tensor

from pyrosnn.attacks import SPSA, Attack, Square
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import disjoint_sample_sets, predict
from pyrosnn.shapes import Sites

RATE = 0.2


class PureNoise(StochasticClassifier):
    """Class 0, and at a rate class 1, for each image apart and whatever it is."""

    output: str = "logits"
    per_example = True

    def __init__(self) -> None:
        super().__init__((4,), 2)

    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        with images:
            return {"errs": pyro.sample("errs", Bernoulli(x.new_tensor(RATE)))}

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        errs = sites["errs"] + 0.0 * x.sum(-1)
        return torch.stack([1 - 2 * errs, 2 * errs - 1], -1)


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
    classifier = PureNoise()
    x, y = torch.rand(1000, 4), torch.zeros(1000, dtype=torch.long)
    A, other = disjoint_sample_sets(classifier, x, attack=1, inference=1, seed=0)
    delta = found(classifier, x, y, A).perturbation
    share = float((predict(classifier, x + delta, other).predicted == y).double().mean())
    assert abs(share - (1 - RATE)) < 4 * (RATE * (1 - RATE) / 1000) ** 0.5
