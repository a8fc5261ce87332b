"""foolbox' minimum-norm attacks and ours on the same deterministic network: f^A with A as V."""

import math
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from torch import Tensor

from pyrosnn.attacks import DDN, FMN, CarliniWagner, MinimumNormAttack, SampledModule, to_module
from pyrosnn.attacks.norms import NORMS
from pyrosnn.data.dataset import Dataset
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import SampleSet, disjoint_sample_sets

FAR = 1e6


@dataclass(frozen=True)
class Pair:
    """Ours and theirs, and by how much the median of the ratios may differ from 1."""

    ours: MinimumNormAttack
    theirs: str
    apart: float
    settings: dict[str, Any] = field(default_factory=dict)
    images: int = 20


# The L2FMNAttack of foolbox 3.3.4 projects onto no ball (its factor is norms / norms): its
# perturbations are twice as long as those of its DDN, with which ours is compared instead.
PAIRS = {
    "ddn": Pair(DDN(), "DDNAttack", 0.02),
    "fmn-l2": Pair(FMN(), "DDNAttack", 0.02),
    "fmn-linf": Pair(FMN(norm="linf"), "LInfFMNAttack", 0.02),
    "fmn-l1": Pair(FMN(norm="l1"), "L1FMNAttack", 0.02),
    "cw": Pair(
        CarliniWagner(initial_constant=0.1, constants=4),
        "L2CarliniWagnerAttack",
        0.05,
        {"steps": 100, "binary_search_steps": 4, "initial_const": 0.1, "stepsize": 0.05},
        images=5,
    ),
}


def known(a: SampleSet) -> SampleSet:
    """A again, as V: what an attacker of a deterministic network decides with."""
    return SampleSet(stored=dict(a.tensors), origin=replace(a.origin, stream="selection"))


def theirs(module: SampledModule, pair: Pair, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Their δ, and for which images they found one."""
    from foolbox import attacks
    from foolbox.models.pytorch import PyTorchModel

    model = PyTorchModel(module, bounds=(0, 1), device="cpu")
    attack = getattr(attacks, pair.theirs)(**pair.settings)
    _, attacked, success = attack(model, x, y, epsilons=None)
    return attacked - x, success


@pytest.mark.slow
@pytest.mark.parametrize("name", list(PAIRS))
def test_norms_are_those_of_foolbox(name: str, bnn: StochasticClassifier, digits: Dataset) -> None:
    pair = PAIRS[name]
    x, y = digits.test_images(pair.images)
    a, _ = disjoint_sample_sets(bnn, x, attack=5, inference=1, seed=0)
    attack = replace(pair.ours, strength=FAR, clip=(0.0, 1.0), fixed_samples=True)
    ours = attack(bnn, x, y, a, selection=known(a))
    assert ours.fooled is not None
    assert ours.fooled.all()
    delta, success = theirs(to_module(bnn, a), pair, x, y)
    both = ours.correct & success
    assert both.double().mean() > 0.6
    ratio = float((ours.norm / NORMS[attack.norm].measure(delta))[both].median())
    assert abs(math.log(ratio)) < pair.apart, ratio
