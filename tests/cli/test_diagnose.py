"""`pyrosnn diagnose`: its checks take its images, and cost no more than it does."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from support.program import Run
from torch import nn

from pyrosnn.adapters import Stochastic
from pyrosnn.attacks import FGM
from pyrosnn.checks import MODEL_CHECKS
from pyrosnn.checks.equal_budget import equal_budget
from pyrosnn.checks.on_model import model_findings
from pyrosnn.checks.trial import NUM_REPEATS, Trial
from pyrosnn.data.dataset import Dataset
from pyrosnn.evaluation import attack_moments, evaluate
from pyrosnn.evaluation.attack_moments import LEADING
from pyrosnn.sampling.stream import Stream
from pyrosnn_studies import diagnosis


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


@pytest.mark.slow
def test_a_pilot_shows_that_it_runs(
    run: Run, checkpoint_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "PILOT", 40)
    monkeypatch.setattr(diagnosis, "NUMBERS", (40,))
    small = ("--images", "4", "--repeats", "1", "--attack-samples", "1", "--inference-samples", "5")
    command = ("diagnose", "--model", checkpoint_path, *small, "--no-checks", "--overwrite")
    shown = run(*command).stderr
    assert shown.index("pilot: 1/1 number of single samples") < shown.index("study diagnosis: ")
    assert "pilot" not in run(*command, "--num-samples", "40").stderr


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


class Pages:
    """Counts the pages of samples that are drawn, by their stream and repeat."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.drawn: list[tuple[str, int, int]] = []
        draw = Stream._page

        def counted(stream: Stream, page: int) -> dict[str, torch.Tensor]:
            self.drawn.append((stream.origin.stream, stream.origin.repeat, page))
            return draw(stream, page)

        monkeypatch.setattr(Stream, "_page", counted)


@pytest.mark.slow
def test_single_samples_are_drawn_and_evaluated_once(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But the first ones, which decide what all have in common; those of I by each class."""
    classifier = Stochastic(Counted(), (1, 8, 8), replay="batch")
    x, y = digits.test_images(4)
    pages, counts = Pages(monkeypatch), []
    for number in (LEADING, LEADING + 320):
        COUNTED.clear()
        pages.drawn.clear()
        attack_moments(
            classifier, x, y, attack=FGM(), num_samples=number, inference_samples=10,
            memory_budget=2**20,
        )  # fmt: skip
        singles = [page for page in pages.drawn if page[0] == "moments"]
        counts.append(np.array([sum(COUNTED), len(singles), len(COUNTED)]))
    evaluated, drawn, units = counts[1] - counts[0]
    # of 320 samples more: one pass of each, and 20 pages of 16; in units of ten or a few more
    assert evaluated == 320 * len(x)
    assert drawn == 20
    assert 320 / 10 <= units < 320 / 5


@pytest.mark.slow
def test_the_checks_share_their_samples(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page of A and I is drawn once for all sizes, those of fresh samples a few times."""
    classifier = Stochastic(Counted(), (1, 8, 8), replay="batch")
    x, y = digits.test_images(10)
    trial = Trial(
        classifier=classifier, x=x, y=y, attack=FGM(strength=0.6),
        attack_samples=100, inference_samples=100, seed=0,
    )  # fmt: skip
    pages = Pages(monkeypatch)
    equal_budget(trial)
    times = Counter(pages.drawn)
    assert max(times[page] for page in times if page[0] == "inference") == 1
    # A of several sizes, and PGD's fresh samples of two divisions
    assert max(times[page] for page in times if page[0] == "attack") <= 5
    assert sum(times.values()) < 90
