"""`pyrosnn diagnose`: its checks take its images, and cost no more than it does."""

from pathlib import Path

import pytest
import torch
from support.program import Run
from torch import nn

from pyrosnn.adapters import Stochastic
from pyrosnn.attacks import FGM
from pyrosnn.checks import MODEL_CHECKS
from pyrosnn.checks.on_model import model_findings
from pyrosnn.checks.trial import NUM_REPEATS, Trial
from pyrosnn.data.dataset import Dataset
from pyrosnn.evaluation import evaluate


@pytest.mark.slow
def test_the_checks_take_the_images_of_the_diagnosis(run: Run, checkpoint_path: Path) -> None:
    """All of them: more than the 50 that a check by itself is content with."""
    sizes = ("--repeats", "1", "--num-samples", "40", "--attack-samples", "1,2")
    model = ("--model", checkpoint_path, "--inference-samples", "5")
    result = run("diagnose", *model, *sizes, "--images", "60")
    assert result.exit_code in (0, 1), result.output
    assert "checks (of the model: 60 images): " in result.stdout
    assert result.stdout.splitlines()[-1].startswith("Verdict: ")
    shown = [line.split()[1:3] for line in result.stderr.splitlines() if "checks: " in line]
    every = [
        [f"{done}/{len(MODEL_CHECKS)}", name] for done, name in enumerate(MODEL_CHECKS, start=1)
    ]
    assert len(shown) == 10  # lines at most, where there is no terminal
    assert shown == [one for one in every if one in shown]
    assert shown[-1] == every[-1]


COUNTED: list[int] = []  # outside of the module, whose attributes are put back after a pass


class Counted(nn.Module):
    """A network that counts the images it is given, with all their samples."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 10)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        COUNTED.append(len(x))
        logits: torch.Tensor = self.net(x)
        return logits


@pytest.mark.slow
def test_the_checks_cost_a_few_evaluations(digits: Dataset) -> None:
    """Counted in passes, so that no machine decides."""
    classifier = Stochastic(Counted(), (1, 8, 8), replay="batch")
    x, y = digits.test_images(10)
    attack = FGM(strength=0.6)
    trial = Trial(
        classifier=classifier, x=x, y=y, attack=attack,
        attack_samples=100, inference_samples=100, seed=0,
    )  # fmt: skip
    sets = trial.sets()
    COUNTED.clear()
    evaluate(
        classifier, x, y, attack=attack, attack_samples=sets[0], inference_samples=sets[1],
        strengths=[0.0, 0.6], attack_sizes=[1, 10, 100],
    )  # fmt: skip
    once = sum(COUNTED)
    COUNTED.clear()
    assert len(list(model_findings(trial))) == len(MODEL_CHECKS)
    # a diagnosis evaluates in five repeats
    assert 0 < sum(COUNTED) < 3 * NUM_REPEATS * once
