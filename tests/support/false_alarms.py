"""Count the alarms of checks on healthy networks.

``PYTHONPATH=tests python -m support.false_alarms``

Each network is trained on digits from a seed of its own, and attacked with a seed of its own.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from pyrosnn.attacks import FGM, PGD, Attack
from pyrosnn.checks import CHECKS, RESULT_CHECKS
from pyrosnn.checks.trial import Trial
from pyrosnn.data import load_dataset
from pyrosnn.errors import resolve
from pyrosnn.training import preset, train

MODELS = ("bnn", "im", "sin", "laplace")
SMALL: dict[str, Any] = {"epochs": 4, "options": {"hidden": (16, 16)}}
STEPS: dict[str, Any] = {"steps": 5, "relative_step": 0.4}
# Of the values of a result, and of its strengths.
VALUES = ("strength-range", "attack-sizes", "attack-effect", "attack-direction")
# One step would be a true alarm of equal-budget, and few steps one of more-steps.
Run = tuple[Attack, int, tuple[str, ...]]
RUNS: list[Run] = [
    (
        FGM(strength=0.6),
        10,
        ("planted-vulnerability", "repeated-rows", "distinct-samples", *VALUES),
    ),
    (PGD(norm="linf", strength=0.1, **STEPS), 10, ("planted-vulnerability", *VALUES)),
    (PGD(strength=0.6, **STEPS), 3, ("planted-vulnerability", "equal-budget", *VALUES)),
    (PGD(strength=0.6, steps=20, relative_step=0.1), 5, ("more-steps", *VALUES)),
]


def count(
    models: Iterable[str], seeds: Iterable[int], runs: Sequence[Run] = RUNS
) -> Counter[tuple[str, str]]:
    """Return how often each check ends with each status."""
    digits = load_dataset("digits")
    x, y = digits.test_images(40)
    found: Counter[tuple[str, str]] = Counter()
    for model, seed in ((model, seed) for seed in seeds for model in models):
        classifier = train(preset(model, seed=seed, **SMALL), digits)
        for attack, size, names in runs:
            trial = Trial(
                classifier=classifier, x=x, y=y, attack=attack,
                attack_samples=size, inference_samples=30, seed=seed,
            )  # fmt: skip
            for name in names:
                subject = trial.result if name in RESULT_CHECKS else trial
                finding = resolve(CHECKS, name, "check")(subject)
                found[name, finding.status] += 1
                if finding.status != "pass":
                    print(model, seed, attack, finding, file=sys.stderr)
    return found


if __name__ == "__main__":
    for (name, status), times in sorted(count(MODELS, range(8)).items()):
        print(name, status, times)
