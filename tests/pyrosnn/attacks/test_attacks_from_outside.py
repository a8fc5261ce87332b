"""An attack and a loss that are added from outside, each a row and a few lines, work everywhere."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

import pyrosnn
from pyrosnn.attacks import (
    ATTACKS,
    FGM,
    LOSSES,
    PGD,
    SPSA,
    Attack,
    GradientAttack,
    Loss,
    Problem,
    loss_gradient,
)
from pyrosnn.attacks.norms import per_image, unit
from pyrosnn.checks.gradient_free import gradient_free
from pyrosnn.checks.trial import Trial
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError
from pyrosnn.evaluation import attack_spec
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.outputs.algebra import one_hot
from pyrosnn.outputs.mean import MeanPrediction
from pyrosnn.sampling import disjoint_sample_sets
from pyrosnn.shapes import Labels, Logits
from pyrosnn.testing import check_attack_contract
from pyrosnn_studies.grid import GridSpec

# --- a momentum attack -------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class MIM(GradientAttack):
    r"""$v \leftarrow \mu v + g / \|g\|_1$, and a step of η / K along v (Dong et al., 2018).

    Attributes:
        steps: K.
        momentum: μ.
    """

    steps: int = 10
    momentum: float = 1.0

    @property
    def one_step(self) -> "MIM":
        return replace(self, steps=1)

    def run(self, problem: Problem, strength: float) -> Tensor:
        delta, velocity = torch.zeros_like(problem.x), torch.zeros_like(problem.x)
        for _, page in zip(range(self.steps), problem.pages(fixed=False), strict=False):
            g = problem.gradient(delta, page).direction
            length = per_image(g.flatten(1).abs().sum(1), g)
            velocity = self.momentum * velocity + g / torch.where(length > 0, length, 1.0)
            step = strength / self.steps * problem.norm.steepest(velocity)
            delta = problem.project(delta + step, strength)
        return delta


@pytest.fixture
def mim(monkeypatch: pytest.MonkeyPatch) -> MIM:
    monkeypatch.setitem(ATTACKS, "mim", MIM)
    return MIM(strength=0.6, loss="cross-entropy", steps=4)


@pytest.mark.slow
def test_an_attack_from_outside_passes_the_checks(
    mim: MIM, bnn: StochasticClassifier, digits: Dataset
) -> None:
    x, y = digits.test_images(12)
    found = pyrosnn.check_model(bnn, x, y, attack=mim, attack_samples=5, inference_samples=20)
    statuses = {finding.name: finding.status for finding in found}
    assert "fail" not in statuses.values(), statuses
    assert (statuses["more-steps"], statuses["own-cosine"]) == ("pass", "pass")
    # its own steps against one of them, not one run against the same
    messages = {finding.name: finding.message for finding in found}
    first, second = messages["more-steps"].split(", ")
    assert first.split()[1] != second.split()[0]


def test_an_attack_from_outside_is_an_attack_like_any_other(
    mim: MIM, bnn: StochasticClassifier, digits: Dataset
) -> None:
    x, y = digits.test_images(6)
    check_attack_contract(mim, bnn, x, y)
    assert mim.iterated
    assert not mim.one_step.iterated
    a, _ = disjoint_sample_sets(bnn, x, attack=3, inference=1, seed=0)
    one, fgm = (attack(bnn, x, y, a) for attack in (mim.one_step, FGM(strength=0.6)))
    torch.testing.assert_close(one.perturbation, fgm.perturbation)
    assert mim(bnn, x, y, a).origin.stop == 4 * 3
    spec = attack_spec(mim)
    assert (spec["attack"], spec["attack_options"]) == ("mim", {"steps": 4, "momentum": 1.0})
    grid = GridSpec(
        images=6,
        strengths=(0.6,),
        attack_samples=(3,),
        inference_samples=(3,),
        attack="mim",
        attack_options={"steps": 4},
    )
    assert grid.make_attack(strength=0.6) == mim
    with pytest.raises(ArgumentError, match=r"mim has no option 'restarts'; its options are steps"):
        replace(grid, attack_options={"restarts": 1})


# --- a loss ------------------------------------------------------------------------------------


def brier(mean: MeanPrediction, y: Labels) -> Tensor:
    r"""Return $\|p - e_y\|^2$ of the mean prediction's probabilities."""
    p = mean.log_probs.exp()
    return (p - one_hot(y, p)).square().sum(-1)


def brier_cotangents(logits: Logits, y: Labels, mean: MeanPrediction) -> Tensor:
    p = mean.log_probs.exp()
    return mean.discriminants.log_probs_vjp(2 * (p - one_hot(y, p)) * p, logits, mean)


@pytest.fixture
def loss(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(LOSSES, "brier", Loss(value=brier, cotangents=brier_cotangents))
    return "brier"


@pytest.mark.slow
@pytest.mark.parametrize("gradient", ["mean_prediction", "mean_loss", "mean_logits"])
def test_a_loss_from_outside_is_maximised_by_every_attack(
    gradient: str, loss: str, bnn: StochasticClassifier, digits: Dataset
) -> None:
    x, y = digits.test_images(20)
    a, _ = disjoint_sample_sets(bnn, x, attack=5, inference=1, seed=0)
    exact = loss_gradient(bnn, x, y, a, loss=loss, gradient=gradient).direction
    settings: dict[str, Any] = {"loss": loss, "gradient": gradient}
    fgm = FGM(strength=1.0, **settings)(bnn, x, y, a)
    torch.testing.assert_close(fgm.perturbation, unit(exact))
    spsa = SPSA(strength=1.0, directions=200, radius=1e-3, **settings)(bnn, x, y, a)
    cosine = (spsa.perturbation * unit(exact)).flatten(1).sum(1)
    assert float(cosine.median()) > 0.75  # 64 pixels: 1 / sqrt(1 + 64 / 200) is 0.87
    pgd = PGD(strength=0.5, steps=5, relative_step=0.4, fixed_samples=True, **settings)

    def left(attack: Attack) -> float:
        delta = attack(bnn, x, y, a).perturbation
        of = attack.maximised
        return float(of.value(bnn, x + delta, y, a).mean())

    assert left(pgd) > left(pgd.one_step) > left(replace(pgd, strength=0.0))


@pytest.mark.slow
def test_the_check_without_gradients_takes_the_loss(
    loss: str, bnn: StochasticClassifier, digits: Dataset
) -> None:
    x, y = digits.test_images(25)
    trial = Trial(
        classifier=bnn,
        x=x,
        y=y,
        attack=FGM(strength=0.6, loss=loss),
        attack_samples=10,
        inference_samples=20,
        seed=0,
    )
    assert gradient_free(trial).status == "pass"
