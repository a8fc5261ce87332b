"""Faults of models and attacks that a user may have, each with the checks that must find it."""

from dataclasses import dataclass, replace
from typing import Any

import pyro
import pytest
import torch
from pyro.distributions import Delta, Normal
from support.toy import LinearClassifier, QuadraticClassifier
from torch import Tensor

from pyrosnn.adapters import Ensemble
from pyrosnn.attacks import FGM, PGD, Attack, Problem
from pyrosnn.attacks.norms import per_image
from pyrosnn.checks import CHECKS, RESULT_CHECKS, Finding
from pyrosnn.checks.trial import Trial
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import PyrosnnWarning, resolve
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.shapes import Sites

SIZES: dict[str, Any] = {"attack_samples": 8, "inference_samples": 20, "seed": 0}


def find(name: str, trial: Trial) -> Finding:
    """Run one check; those of a result on the trial's own evaluation."""
    subject = trial.result if name in RESULT_CHECKS else trial
    finding: Finding = resolve(CHECKS, name, "check")(subject)
    return finding


def toy(attack: Attack | None = None, classifier: StochasticClassifier | None = None) -> Trial:
    """Return a trial whose labels are what the mean weights predict."""
    of = classifier or LinearClassifier(12, 4, noise=0.2)
    x = torch.rand(40, 12, dtype=torch.float64)
    mean = getattr(of, "mean", torch.zeros(13, 4).double())
    y = (x @ mean[:-1] + mean[-1]).argmax(-1)
    return Trial(classifier=of, x=x, y=y, attack=attack or FGM(strength=0.5), **SIZES)


@dataclass(frozen=True, kw_only=True)
class FlippedForOne(FGM):
    """Its sign is wrong for the images of one class."""

    flipped: int = 1

    def run(self, problem: Problem, strength: float) -> Tensor:
        sign = torch.where(problem.labels == self.flipped, -1.0, 1.0)
        return per_image(sign, problem.x) * super().run(problem, strength)


@dataclass(frozen=True, kw_only=True)
class Nothing(FGM):
    """It returns every image as it was."""

    def run(self, problem: Problem, strength: float) -> Tensor:
        return torch.zeros_like(problem.x)


@pytest.mark.slow
def test_a_sign_flipped_for_one_class_is_found(bnn: StochasticClassifier, digits: Dataset) -> None:
    trial = toy()
    assert find("attack-direction", trial).status == "pass"
    common = int(trial.y.mode().values)
    flipped = trial.of(attack=FlippedForOne(strength=0.5, flipped=common))
    found = find("attack-direction", flipped)
    assert found.status == "fail"
    assert f"images of class {common} are moved the wrong way" in found.message
    x, y = digits.test_images(60)
    trial = Trial(classifier=bnn, x=x, y=y, attack=FlippedForOne(strength=0.6), **SIZES)
    assert find("attack-direction", trial).status == "fail"
    planted = find("planted-vulnerability", trial)
    assert planted.status == "fail"
    assert "none of the label 1" in planted.message


def test_an_attack_that_changes_nothing_is_found() -> None:
    assert find("attack-effect", toy()).status == "pass"
    assert find("attack-effect", toy(FGM(strength=0.001))).status == "fail"
    nothing = toy(Nothing(strength=0.5))
    for name in ("attack-effect", "unmoved-images"):
        assert find(name, nothing).status == "fail", name


def test_pixels_up_to_255_are_found() -> None:
    trial = toy(FGM(norm="linf", strength=8 / 255))
    assert find("strength-range", trial).status == "pass"
    with pytest.warns(PyrosnnWarning, match="is nearly nothing"):
        found = find("strength-range", trial.of(x=255 * trial.x))
    assert found.status == "fail"
    assert "ℓ∞ 8/255 is nearly nothing: pixels go from " in found.message


def one_sample(trial: Trial) -> Trial:
    """Return the trial whose A holds its first sample again and again, in every repeat."""
    made = trial.of()
    for repeat in range(5):
        A, judges = trial.sets(repeat)
        assert A.stored is not None
        same = {name: value[:1].expand_as(value) for name, value in A.stored.items()}
        made._sets[repeat] = replace(A, stored=same), judges
    return made


def test_an_attack_set_of_one_sample_is_found() -> None:
    healthy, faulty = toy(), one_sample(toy())
    for name in ("distinct-samples", "attack-sizes"):
        assert find(name, healthy).status == "pass", name
        assert find(name, faulty).status == "fail", name
    found = find("distinct-samples", faulty)
    assert found.value == pytest.approx(7 / 8)
    assert "samples of A repeat another one" in found.message


def test_samples_that_are_drawn_twice_are_found() -> None:
    class Twice(LinearClassifier):
        """Draws one sample for every two."""

        def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
            with pyro.poutine.block():
                weight = pyro.sample("drawn", Normal(self.mean, 0.2).to_event(2))
            half = weight[: (len(weight) + 1) // 2].repeat_interleave(2, dim=0)[: len(weight)]
            return {"weight": pyro.sample("weight", Delta(half).to_event(2))}

    found = find("distinct-samples", toy(classifier=Twice(12, 4)))
    assert found.status == "fail"
    assert found.value is not None
    assert found.value >= 0.5


def test_members_repeat_by_chance() -> None:
    members = [torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 4)) for _ in range(5)]
    found = find("distinct-samples", toy(classifier=Ensemble(members, (12,)).double()))
    assert found.status == "pass"
    assert found.value is not None
    assert found.value > 0.5


def test_noise_that_all_images_share_is_found() -> None:
    class Shared(LinearClassifier):
        """Says that its noise is each image's own, and gives one value to all of them."""

        per_example = True

        def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
            one = pyro.sample("one", Normal(x.new_zeros(4), 1.0).to_event(1))
            with images:
                return {"one": one, "noise": pyro.sample("noise", Delta(one).to_event(1))}

        def logits(self, x: Tensor, sites: Sites) -> Tensor:
            return x @ self.mean[:-1] + sites["noise"]

    found = find("repeated-rows", toy(classifier=Shared(12, 4)))
    assert (found.status, found.value) == ("fail", 0.0)


@pytest.mark.slow
def test_more_steps_that_gain_points_warn() -> None:
    bent = QuadraticClassifier(12, 4, noise=0.1)

    def found(attack: Attack) -> Finding:
        return find("more-steps", toy(attack, bent))

    one = found(FGM(strength=0.6))
    assert (one.status, one.reason) == ("warn", "leaves more than an attack of more steps")
    assert one.value is not None
    assert one.value < -0.02
    assert one.message.endswith("after one: the attack is no bound")
    few = found(PGD(strength=0.6, steps=2, relative_step=0.5))
    assert few.status == "warn"
    assert few.message.endswith("after 2: the attack is no bound")
    assert found(PGD(strength=0.6, steps=20, relative_step=0.1)).status == "pass"
    straight = LinearClassifier(12, 2, noise=1e-6)  # one step is exact
    assert find("more-steps", toy(classifier=straight)).status == "pass"
