"""`equal-budget`: a division of the gradients that leaves a much higher accuracy is named."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from support.false_alarms import RUNS, count
from support.toy import LinearClassifier
from torch import Tensor

from pyrosnn.attacks import FGM, PGD, SPSA, Attack, Problem
from pyrosnn.checks.equal_budget import BUDGET, equal_budget
from pyrosnn.checks.finding import Finding
from pyrosnn.checks.trial import Trial


def find(attack: Attack, noise: float = 1.0, attack_samples: int = 64) -> Finding:
    torch.manual_seed(0)
    classifier = LinearClassifier(20, 3, noise=noise)
    x = torch.randn(25, 20, dtype=torch.float64)
    y = (x @ classifier.mean[:-1] + classifier.mean[-1]).argmax(-1)
    sizes: dict[str, Any] = {"inference_samples": 30, "seed": 0, "attack_samples": attack_samples}
    return equal_budget(Trial(classifier=classifier, x=x, y=y, attack=attack, **sizes))


@dataclass(frozen=True, kw_only=True)
class Wasteful(FGM):
    """Computes its gradient again and again on the same samples, and moves a tenth of the way."""

    def run(self, problem: Problem, strength: float) -> Tensor:
        for _ in range(8):
            gradient = problem.gradient()
        return 0.1 * strength * self.step(gradient)

    linear = False


def test_a_wasteful_attack_warns() -> None:
    finding = find(Wasteful(strength=1.5))
    assert finding.status == "warn"
    assert finding.value is not None
    assert finding.value > 0.02
    # eight gradients a sample: eight samples are left of 64
    assert f"with S_A = 8 at {BUDGET} gradients" in finding.message


@pytest.mark.statistical
def test_what_cannot_be_better_does_not_warn() -> None:
    """On a linear margin without noise one step is exact, and many are as good."""
    attacks = (FGM(loss="margin"), PGD(loss="margin", steps=4, relative_step=0.5))
    for attack in attacks:
        finding = find(attack, noise=1e-6, attack_samples=4)
        assert finding.status == "pass", finding.message


def test_what_cannot_be_divided_is_skipped() -> None:
    assert "computes gradients" in find(SPSA(strength=1.0, directions=2)).message
    one = find(FGM(strength=1.0), attack_samples=1)
    assert (one.status, one.value) == ("skipped", None)
    assert "several samples or steps" in one.message


@pytest.mark.slow
@pytest.mark.statistical
def test_healthy_networks_raise_no_alarm() -> None:
    """One network; ``false_alarms.py`` runs 32, and the docs count its alarms."""
    (run,) = [run for run in RUNS if "equal-budget" in run[2]]
    assert {status for _, status in count(["bnn"], [0], [run])} == {"pass"}
