"""Every attack keeps the contract that users inherit, and the contract notices who does not."""

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch
from support.guarantees import record_checks
from torch import Tensor

from pyrosnn.attacks import ATTACKS, FGM, Attack, Problem
from pyrosnn.checks.perturbation_norm import perturbation_norm
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, resolve
from pyrosnn.evaluation import attack_spec, evaluate
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.results import combine_repeats, make_result
from pyrosnn.sampling import disjoint_sample_sets, draw_sample_set
from pyrosnn.testing import (
    ATTACK_GUARANTEES,
    AttackContract,
    check_attack_contract,
    trial_classifier,
    trial_images,
    trial_labels,
)

SEARCH = {"steps": 4, "bisections": 2, "selection_samples": 5}
# Enough to see a difference; their own defaults take longer.
SHORT: dict[str, dict[str, Any]] = {
    "pgd": {"steps": 4, "relative_step": 0.4, "restarts": 1},
    "spsa": {"directions": 4},
    "apgd": {"steps": 4, "restarts": 1, "targets": 2, "selection_samples": 5},
    "mim": {"steps": 4, "selection_samples": 5},
    "random": {"draws": 3, "selection_samples": 5},
    "square": {"queries": 5, "selection_samples": 3},
    "transfer": {"steps": 3, "relative_step": 0.5},
    "ddn": SEARCH,
    "fmn": SEARCH,
    "cw": {**SEARCH, "constants": 3, "initial_constant": 0.1},
}


MODELS = ("bnn", "sin")  # samples shared by all images, and for each


def short(name: str, norm: str) -> Attack:
    return ATTACKS[name](norm=norm, strength=0.3, **SHORT.get(name, {}))


@pytest.mark.parametrize(
    ("name", "model"), [(name, MODELS[i % 2]) for i, name in enumerate(ATTACKS)]
)
@pytest.mark.slow
class TestOwnAttacks(AttackContract):
    """The attacks of the library, each with its first norm and one of the models."""

    @pytest.fixture
    def attack(self, name: str) -> Attack:
        return short(name, next(iter(ATTACKS[name].norms)))

    @pytest.fixture
    def classifier(
        self, model: str, classifiers: dict[str, StochasticClassifier]
    ) -> StochasticClassifier:
        return classifiers[model]

    @pytest.fixture
    def images(self, digits: Dataset) -> Tensor:
        return digits.x_test[:6]


# Every other norm of an attack, and the other model: with each of both where there are two norms.
OTHERS = [
    (name, norm, MODELS[(i + j) % 2])
    for i, (name, attack) in enumerate(ATTACKS.items())
    for j, norm in enumerate(attack.norms if len(attack.norms) > 1 else [*attack.norms] * 2)
    if j > 0
]


@pytest.mark.parametrize(("name", "norm", "model"), OTHERS)
@pytest.mark.slow
def test_other_norms_and_the_other_model(
    name: str,
    norm: str,
    model: str,
    classifiers: dict[str, StochasticClassifier],
    digits: Dataset,
) -> None:
    x, y = digits.test_images(4)
    assert check_attack_contract(short(name, norm), classifiers[model], x, y)


def test_all_guarantees_are_checked_without_pytest(monkeypatch: pytest.MonkeyPatch) -> None:
    passed = record_checks(monkeypatch, "pyrosnn.testing.attack_guarantees")
    assert check_attack_contract(FGM(strength=0.5)) == list(ATTACK_GUARANTEES)
    assert passed == list(ATTACK_GUARANTEES)
    with pytest.raises(ArgumentError, match="strength must be > 0 to be checked, got 0"):
        check_attack_contract(FGM(strength=0.0))


@dataclass(frozen=True, kw_only=True)
class Away(Attack):
    """A healthy attack in one line: every pixel by the same amount."""

    def run(self, problem: Problem, strength: float) -> Tensor:
        return problem.project(torch.full_like(problem.x, strength), strength)


class TestWithoutAGradient(AttackContract):
    @pytest.fixture
    def attack(self) -> Attack:
        return Away(strength=0.5)


class TooFar(Away):
    def run(self, problem: Problem, strength: float) -> Tensor:
        return 1.01 * super().run(problem, strength)


class Broken(Away):
    def run(self, problem: Problem, strength: float) -> Tensor:
        return super().run(problem, strength) / 0


class Bent(Away):
    """Projects clipped images, and then steps on."""

    def run(self, problem: Problem, strength: float) -> Tensor:
        object.__setattr__(problem, "_clip", None)
        return super().run(problem, strength)


class Restless(Away):
    def stay(self, problem: Problem) -> Tensor:
        return super().stay(problem) + 0.1


class Unseeded(Away):
    def run(self, problem: Problem, strength: float) -> Tensor:
        return problem.norm.draw(problem.x, strength)


class Called(Away):
    """Its second strength depends on the first."""

    def run(self, problem: Problem, strength: float) -> Tensor:
        return super().run(problem, strength) * (0.5 if strength < self.strength else 1.0)


class Silent(Away):
    def __repr__(self) -> str:
        return "FGM()"


class Careless(Away):
    def run(self, problem: Problem, strength: float) -> Tensor:
        problem.x.add_(0.1)
        return super().run(problem, strength)


class Peeping(Away):
    """Looks at samples that are I's."""

    def run(self, problem: Problem, strength: float) -> Tensor:
        judges = draw_sample_set(problem.attacker, problem.x, 2, seed=0, stream="inference")
        return strength * problem.norm.steepest(problem.gradient(page=judges).direction)


BROKEN = [
    ("within-strength", TooFar, "the strength is"),
    ("finite", Broken, "NaN or infinite"),
    ("clip", Bent, "a pixel is"),
    ("zero-strength", Restless, "a strength of 0 moves an image"),
    ("repeats", Unseeded, "the same seed gives another"),
    ("sweep", Called, "not close"),
    ("repr", Silent, "evaluates to"),
    ("unchanged", Careless, "the images were changed in place"),
    ("unchanged", Unseeded, "torch's random state was changed"),
    ("attack-set-alone", Peeping, "stream='inference'"),
]


@pytest.mark.parametrize(("guarantee", "broken", "message"), BROKEN)
def test_a_broken_attack_is_found(guarantee: str, broken: type[Away], message: str) -> None:
    classifier = trial_classifier()
    x = trial_images(classifier)
    y = trial_labels(classifier, x)
    check = resolve(ATTACK_GUARANTEES, guarantee, "guarantee")
    check(Away(strength=0.5), classifier, x, y)
    with pytest.raises(AssertionError, match=message):
        check(broken(strength=0.5), classifier, x.clone(), y)


def test_every_guarantee_has_a_counterexample() -> None:
    assert {guarantee for guarantee, *_ in BROKEN} == set(ATTACK_GUARANTEES)


@dataclass(frozen=True, kw_only=True)
class Nearest(Attack):
    """Finds every image's boundary where it says that it is."""

    minimises_norm: ClassVar[bool] = True

    def run(self, problem: Problem, strength: float) -> Tensor:
        lengths = torch.linspace(0.2, 1.0, len(problem.x))
        step = problem.norm.steepest(problem.gradient().direction)
        return lengths.reshape(-1, 1, 1, 1) * step


def test_an_attack_that_minimises_the_norm_runs_once_and_is_shortened() -> None:
    classifier = trial_classifier()
    x = trial_images(classifier)
    y = trial_labels(classifier, x)
    A = draw_sample_set(classifier, x, 3, seed=0, stream="attack")
    found = Nearest().sweep(classifier, x, y, A, [0.0, 0.5, 2.0])
    for strength, result in zip([0.0, 0.5, 2.0], found, strict=True):
        expected = torch.linspace(0.2, 1.0, len(x)).clamp(max=strength)
        torch.testing.assert_close(result.norm, expected)
        assert result.num_gradients == 3
    check_attack_contract(Nearest(strength=0.5), classifier, x, y)
    A, other = disjoint_sample_sets(classifier, x, attack=3, inference=5, seed=0)
    values = evaluate(
        classifier,
        x,
        y,
        attack=Nearest(),
        attack_samples=A,
        inference_samples=other,
        strengths=[0.5, 2.0],
    )
    norms = values["perturbation_norm"].isel(strength=1, attack_samples=0).values
    assert norms.tolist() == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    spec = attack_spec(Nearest())
    assert spec["minimises_norm"]
    tree = make_result(combine_repeats([values]), study="mine", spec=spec, provenance={})
    assert perturbation_norm(tree).status == "pass"
