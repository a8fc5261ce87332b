"""Minimum-norm attacks: closed forms, what V decides, noise alone, and bad settings."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from support.toy import LinearClassifier, LinearProbabilities, NoiseAlone, sample_set
from torch import Tensor

from pyrosnn.attacks import DDN, FMN, NORMS, CarliniWagner, MinimumNormAttack
from pyrosnn.attacks.minimum_norm import annealed
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import disjoint_sample_sets, draw_sample_set, predict

FAR = 1e6  # a strength that shortens nothing
INPUTS = 8
DUAL = {"l2": 2, "linf": 1, "l1": torch.inf}
EXACT = [
    *((FMN(norm=norm, strength=FAR), 1e-3) for norm in NORMS),
    (DDN(strength=FAR), 1e-3),
    # Adam's steps are as long in every pixel, and turn toward the normal slowly
    (CarliniWagner(strength=FAR), 2e-2),
]
SHORT: list[MinimumNormAttack] = [
    DDN(strength=FAR, steps=30, selection_samples=20),
    FMN(strength=FAR, steps=30, selection_samples=20),
    CarliniWagner(strength=FAR, steps=20, constants=5, learning_rate=0.05, selection_samples=20),
]
every_attack = pytest.mark.parametrize("attack", SHORT, ids=lambda attack: type(attack).__name__)


def distances(weight: Tensor, x: Tensor, norm: str) -> tuple[Tensor, Tensor]:
    """Labels that a linear classifier is right about, and (f_y - f_c) / ‖w_y - w_c‖ of each c."""
    slopes = weight[0, :-1].T
    scores = x @ slopes.T + weight[0, -1]
    y = scores.argmax(1)
    lead = scores.gather(1, y.unsqueeze(1)) - scores
    away = lead / (slopes[y].unsqueeze(1) - slopes).norm(DUAL[norm], dim=2)
    return y, away.nan_to_num(torch.inf)


def norms_of(
    attack: MinimumNormAttack, classifier: LinearClassifier, weight: Tensor, x: Tensor, y: Tensor
) -> Tensor:
    judges = sample_set(weight, "selection")
    fixed = replace(attack, fixed_samples=True)
    return fixed(classifier, x, y, sample_set(weight), selection=judges).norm


@pytest.mark.slow
@pytest.mark.parametrize("of", [LinearClassifier, LinearProbabilities])
@pytest.mark.parametrize("which", range(len(EXACT)))
def test_two_linear_classes_have_the_closed_form(which: int, of: type[LinearClassifier]) -> None:
    """|margin| / ‖w_y - w_c‖ in the dual norm, whatever f is.

    Steps of 50 in all along the unit gradient fill a ball of ℓ∞ where no weight is tiny, and leave
    one pixel in that of ℓ1 where no two are nearly as large.
    """
    attack, excess = EXACT[which]
    weight = torch.zeros(1, INPUTS + 1, 2, dtype=torch.float64)
    weight[0, :-1, 0] = torch.tensor([3.0, -2.0, 1.0, -1.0, 1.0, -0.5, 0.5, 0.5])
    x = 0.3 * torch.randn(6, INPUTS).double()
    y, away = distances(weight, x, attack.norm)
    ratio = norms_of(attack, of(INPUTS, 2), weight, x, y) / away.amin(1)
    assert (ratio >= 1 - 1e-9).all()
    assert (ratio <= 1 + excess).all(), ratio


@pytest.mark.slow
@pytest.mark.parametrize("norm", list(NORMS))
def test_fmn_ends_at_the_boundary_of_one_class(norm: str) -> None:
    """Of three: that of the class that leads where it comes near, mostly the nearest."""
    weight, x = torch.randn(1, INPUTS + 1, 3).double(), torch.randn(20, INPUTS).double()
    y, away = distances(weight, x, norm)
    attack = FMN(norm=norm, strength=FAR)
    ratios = norms_of(attack, LinearClassifier(INPUTS, 3), weight, x, y).unsqueeze(1) / away
    assert ((ratios - 1).abs().amin(1) < 1e-3).all()
    assert (ratios.amax(1) < 1 + 1e-3).double().mean() > 0.7


SCALED = [
    (FMN(norm="l2", strength=FAR, steps=30), 1e-3),
    (FMN(norm="linf", strength=FAR, steps=30), 1e-3),
    (DDN(strength=FAR, steps=30), 1e-3),
    (CarliniWagner(strength=FAR, steps=30, constants=6), 1e-3),
]


@pytest.mark.parametrize(("attack", "error"), SCALED)
def test_pixels_up_to_255_have_norms_255_times_as_long(
    attack: MinimumNormAttack, error: float
) -> None:
    """The search is the same one: rounding differs, and the floor in Adam's denominator."""
    weight = torch.randn(1, INPUTS + 1, 3, dtype=torch.float64)
    x = torch.rand(10, INPUTS, dtype=torch.float64)
    y, _ = distances(weight, x, "l2")
    wide = torch.cat([weight[:, :-1] / 255, weight[:, -1:]], 1)
    near, far = (
        norms_of(replace(attack, clip=(0.0, width)), LinearClassifier(INPUTS, 3), w, width * x, y)
        for w, width in ((weight, 1.0), (wide, 255.0))
    )
    assert (near > 0).all()
    torch.testing.assert_close(far / 255, near, rtol=error, atol=0.0)


@every_attack
def test_every_perturbation_fools_the_selection_set(
    attack: MinimumNormAttack, bnn: StochasticClassifier, digits: Dataset
) -> None:
    """V is drawn again from its stream; a δ shorter by 1 % does not fool it."""
    x, y = digits.test_images(25)
    a, _ = disjoint_sample_sets(bnn, x, attack=3, inference=1, seed=0)
    attack = replace(attack, clip=digits.bounds)
    result = attack(bnn, x, y, a)
    selection = draw_sample_set(bnn, x, 20, seed=0, stream="selection")

    def fooled(share: float) -> Tensor:
        return predict(bnn, x + share * result.perturbation, selection).predicted != y

    assert result.fooled is not None
    assert result.fooled.all()
    assert fooled(1.0).all()
    moved = x + result.perturbation
    assert float(moved.min()) >= -1e-6
    assert float(moved.max()) <= 1 + 1e-6
    at_x = fooled(0.0)
    assert (result.norm[at_x] == 0).all()
    assert (result.norm[~at_x] > 0).all()
    assert int(fooled(0.99).sum()) <= int(at_x.sum()) + 1  # a line may cross the edge twice
    assert not result.zero_gradient.any()


@every_attack
def test_gradients_are_of_fresh_samples_unless_they_are_fixed(
    attack: MinimumNormAttack, bnn: StochasticClassifier, digits: Dataset
) -> None:
    x, y = digits.test_images(5)
    a, _ = disjoint_sample_sets(bnn, x, attack=2, inference=1, seed=0)
    attack = replace(attack, steps=4)
    fresh, fixed = attack(bnn, x, y, a), replace(attack, fixed_samples=True)(bnn, x, y, a)
    if not isinstance(attack, CarliniWagner):  # which some images leave early
        assert fresh.origin.stop == 2 * 4
    assert fresh.origin.stop >= 2 * 4
    assert fixed.origin.stop == 2
    assert not torch.equal(fresh.perturbation, fixed.perturbation)


@every_attack
def test_longer_perturbations_are_shortened_to_the_strength(
    attack: MinimumNormAttack, bnn: StochasticClassifier, digits: Dataset
) -> None:
    """One run; above the strength the direction stays."""
    x, y = digits.test_images(10)
    a, _ = disjoint_sample_sets(bnn, x, attack=2, inference=1, seed=0)
    whole, short = attack.sweep(bnn, x, y, a, [FAR, 0.3])
    torch.testing.assert_close(short.norm, whole.norm.clamp(max=0.3))
    scale = (short.norm / whole.norm).nan_to_num(1.0).reshape(-1, 1, 1, 1)
    torch.testing.assert_close(short.perturbation, scale * whole.perturbation)
    assert (short.num_gradients, short.num_queries) == (whole.num_gradients, whole.num_queries)


@every_attack
def test_noise_alone_is_not_fooled(attack: MinimumNormAttack) -> None:
    """V's mean is right at every δ: nothing is found, however many δ are tried."""
    classifier = NoiseAlone(INPUTS)
    x, y = torch.randn(10, INPUTS), torch.zeros(10, dtype=torch.long)
    a = draw_sample_set(classifier, x, 2, seed=0, stream="attack")
    result = replace(attack, selection_samples=100)(classifier, x, y, a)
    assert result.fooled is not None
    assert not result.fooled.any()
    assert not result.perturbation.any()  # there is no gradient
    assert result.zero_gradient.all()


@pytest.mark.parametrize("attack", [DDN(strength=FAR, steps=3), FMN(strength=FAR, steps=3)])
def test_an_image_that_nothing_fools_keeps_the_smallest_margin(attack: MinimumNormAttack) -> None:
    """One class is out of reach: three steps end beside it, and the last δ is the worst."""
    classifier = LinearClassifier(INPUTS, 2)
    weight = torch.randn(1, INPUTS + 1, 2).double()
    weight[:, -1, 0] = 200.0
    x, y = torch.randn(6, INPUTS).double(), torch.zeros(6, dtype=torch.long)
    attack = replace(attack, fixed_samples=True, clip=(-5.0, 5.0))
    judges = sample_set(weight, "selection")
    result = attack(classifier, x.clamp(-5, 5), y, sample_set(weight), selection=judges)
    assert result.fooled is not None
    assert not result.fooled.any()
    falls = weight[0, :-1, 1] - weight[0, :-1, 0]
    assert (result.perturbation @ falls > 0).all()
    assert not result.zero_gradient.any()


def test_the_first_radius_of_fmn_is_the_linear_distance() -> None:
    """So long is δ after one step that is longer."""
    classifier = LinearClassifier(INPUTS, 2)
    weight = torch.randn(1, INPUTS + 1, 2).double()
    x = torch.randn(6, INPUTS).double()
    scores = x @ weight[0, :-1] + weight[0, -1]
    y = scores.argmax(1)
    lead = (scores.gather(1, y.unsqueeze(1)) - scores).amax(1)
    for norm, dual in DUAL.items():
        exact = lead / (weight[0, :-1, 0] - weight[0, :-1, 1]).norm(dual)
        attack = FMN(
            norm=norm, strength=FAR, steps=1, bisections=0, step_size=100.0, fixed_samples=True
        )
        judges = sample_set(weight, "selection")
        result = attack(classifier, x, y, sample_set(weight), selection=judges)
        torch.testing.assert_close(result.norm, exact)


def test_the_schedule_is_half_a_cosine() -> None:
    assert annealed(1.0, 0.01, 0.0) == 1.0
    assert annealed(1.0, 0.01, 1.0) == pytest.approx(0.01)
    assert annealed(3.0, 1.0, 1 / 3) == pytest.approx(1 + 2 * 0.75)


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (DDN, {"norm": "linf"}, "DDN takes l2, got the norm 'linf'; take the attack fmn"),
        (CarliniWagner, {"norm": "l1"}, "takes l2, got the norm 'l1'; take the attack fmn"),
        (DDN, {"gamma": 1.0}, r"gamma must be in \(0, 1\), got 1\.0"),
        (FMN, {"steps": 0}, "steps must be >= 1, got 0"),
        (FMN, {"step_size": 0.0}, "step_size must be > 0"),
        (FMN, {"bisections": -1}, "bisections must be >= 0, got -1"),
        (CarliniWagner, {"constants": 0}, "constants must be >= 1, got 0"),
    ],
)
def test_bad_settings_are_named(
    kind: type[MinimumNormAttack], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        kind(**settings)
