"""The toy classifiers have the truth that they state, and attacks report it."""

from typing import Any

import pytest
import torch
from torch import Tensor

from pyrosnn.adapters import all_members
from pyrosnn.attacks import APGD, FGM, MIM, PGD, Attack, Problem, RandomNoise
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import disjoint_sample_sets, draw_sample_set, predict
from pyrosnn.testing import (
    NoisyLinear,
    OppositePair,
    PureNoise,
    RandomBiasProbit,
    check_contract,
)

STEPS: dict[str, Any] = {"steps": 6, "selection_samples": 7}
SELECTING: list[Attack] = [
    APGD(strength=0.5, **STEPS),
    APGD(strength=0.5, norm="linf", restarts=1, targets=1, **STEPS),
    MIM(strength=0.5, **STEPS),
    RandomNoise(strength=0.5, draws=6, selection_samples=7),
]
ATTACKS: list[Attack] = [
    *SELECTING,
    FGM(strength=0.5),
    PGD(strength=0.5, steps=6, relative_step=0.4, restarts=3),
]


def toys() -> list[StochasticClassifier]:
    shape = (2, 3)
    return [
        NoisyLinear(torch.randn(4, *shape), torch.randn(4)),
        RandomBiasProbit(torch.randn(shape), 0.3, spread=0.7),
        OppositePair(torch.randn(shape), 1.0),
    ]


@pytest.mark.parametrize("place", range(3), ids=["linear", "probit", "pair"])
def test_toys_keep_the_contract(place: int) -> None:
    check_contract(toys()[place])


# --- pure noise --------------------------------------------------------------------------------


@pytest.mark.statistical
@pytest.mark.parametrize("error", [0.05, 0.3])
@pytest.mark.parametrize("attack", ATTACKS, ids=repr)
def test_pure_noise_is_reported_as_its_rate(attack: Attack, error: float) -> None:
    """One sample of I for each of 4,000 images: 1 - q within five binomial standard errors.

    It fails by chance once in a million. AutoAttack, which decides with its last sample, reports
    (1 - q)^3: 23 and 35 standard errors less.
    """
    toy, x = PureNoise((2,), error=error), torch.zeros(4000, 2)
    y = torch.zeros(4000, dtype=torch.long)
    A, judges = disjoint_sample_sets(toy, x, attack=2, inference=1, seed=0)
    moved = x + attack(toy, x, y, A).perturbation
    right = float((predict(toy, moved, judges).predicted == y).double().mean())
    assert abs(right - (1 - error)) < 5 * (error * (1 - error) / 4000) ** 0.5


@pytest.mark.parametrize("attack", SELECTING, ids=repr)
def test_of_pure_noise_no_choice_is_worse_on_v(
    attack: Attack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same V decides at every point: none has errors that x itself has not."""
    toy, x = PureNoise((2,), error=0.3), torch.zeros(50, 2)
    y = torch.zeros(50, dtype=torch.long)
    problems: list[Problem] = []
    run = type(attack).run

    def spied(self: Attack, problem: Problem, strength: float) -> Tensor:
        problems.append(problem)
        return run(self, problem, strength)

    monkeypatch.setattr(type(attack), "run", spied)
    A, _ = disjoint_sample_sets(toy, x, attack=2, inference=1, seed=0)
    attack(toy, x, y, A)
    V = draw_sample_set(toy, x, 7, seed=0, stream="selection")
    assert torch.equal(problems[0].archive.margin, predict(toy, x, V).margin(y))


# --- the others --------------------------------------------------------------------------------


@pytest.mark.parametrize("attack", [FGM, PGD, APGD, MIM])
def test_the_mean_gradient_of_an_opposite_pair_is_zero(attack: Any) -> None:
    """Attacked with both, every image is flagged; a single sample would be right half the time."""
    weight = torch.tensor([[0.5, -1.5, 2.0]]).double()
    toy, x = OppositePair(weight, 0.5), torch.zeros(6, 1, 3).double()
    y, both = torch.zeros(6, dtype=torch.long), all_members(toy, stream="attack")
    own = {} if attack is FGM else {"fixed_samples": True}
    result = attack(strength=1.0, **own)(toy, x, y, both, selection=both)
    assert result.zero_gradient.all()
    moved = x + result.perturbation
    judged = all_members(toy)
    torch.testing.assert_close(
        predict(toy, moved, judged).margin(y), torch.full((6,), 0.5).double()
    )
    along = x + weight / weight.norm()  # 1 away from x, where |w| = 2.55 is above b = 0.5
    each = toy.logits(along, judged.tensors).argmax(-1)
    assert each.double().mean(0).tolist() == [0.5] * 6


def test_a_probit_with_random_bias_flips_at_its_distance() -> None:
    r"""$E p_1 = \Phi(t / \sqrt{1 + s^2})$ to five standard errors, and 1/2 at the boundary."""
    toy = RandomBiasProbit(torch.tensor([0.6, 0.8]).double(), 0.5, spread=2.0)
    x = torch.tensor([[1.0, 0.0], [0.0, -1.0], [-0.3, -0.4]]).double()  # t = 1.1, -0.3, 0
    samples = draw_sample_set(toy, x, 2_000, seed=0, stream="inference")
    expected = torch.special.ndtr(torch.tensor([1.1, -0.3, 0.0]).double() / 5**0.5)
    at = predict(toy, x, samples).values[:, 1]
    assert float((at - expected).abs().max()) < 5 * 0.5 / 2_000**0.5
    each = toy.discriminants(x, samples[:3].tensors)
    torch.testing.assert_close(each.sum(-1), torch.ones(3, 3).double())


def test_apgd_finds_the_boundary_of_a_probit() -> None:
    """δ goes along w, and no image further from the boundary than η is fooled."""
    toy = RandomBiasProbit(torch.tensor([0.6, 0.8]).double(), 0.0, spread=1.0)
    distances = torch.tensor([0.1, 0.45, 0.55, 2.0]).double()
    x, y = distances.unsqueeze(1) * toy.weight, torch.ones(4, dtype=torch.long)
    A = draw_sample_set(toy, x, 3, seed=0, stream="attack")
    delta = APGD(strength=0.5, steps=20)(toy, x, y, A).perturbation
    torch.testing.assert_close(delta, (-0.5 * toy.weight).expand(4, 2), rtol=0, atol=1e-4)


def test_noise_in_linear_logits_changes_no_difference() -> None:
    toy = NoisyLinear(torch.randn(3, 4).double(), torch.randn(3).double(), noise=2.0)
    x, moved = torch.randn(2, 5, 4).double()
    V = draw_sample_set(toy, x, 6, seed=0, stream="selection")
    difference = predict(toy, moved, V).values - predict(toy, x, V).values
    torch.testing.assert_close(difference, (moved - x) @ toy.weight.T)
