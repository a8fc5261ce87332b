"""Count the alarms of checks on healthy networks: ``python tests/support/false_alarms.py``.

Each network is trained on digits from a seed of its own, and attacked with a seed of its own.
"""

import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any

from pyrosnn.attacks import FGM, PGD, Attack
from pyrosnn.checks import MODEL_CHECKS
from pyrosnn.checks.trial import Trial
from pyrosnn.data import load_dataset
from pyrosnn.errors import resolve
from pyrosnn.training import preset, train

MODELS = ("bnn", "im", "sin", "laplace")
SMALL: dict[str, Any] = {"epochs": 4, "options": {"hidden": (16, 16)}}
STEPS: dict[str, Any] = {"steps": 5, "relative_step": 0.4}
# One step would be a true alarm of equal-budget.
RUNS: list[tuple[Attack, int, tuple[str, ...]]] = [
    (FGM(strength=0.6), 10, ("planted-vulnerability", "repeated-rows")),
    (PGD(norm="linf", strength=0.1, **STEPS), 10, ("planted-vulnerability",)),
    (PGD(strength=0.6, **STEPS), 3, ("planted-vulnerability", "equal-budget")),
]


def count(models: Iterable[str], seeds: Iterable[int]) -> Counter[tuple[str, str]]:
    """Return how often each check ends with each status."""
    digits = load_dataset("digits")
    x, y = digits.test_images(40)
    found: Counter[tuple[str, str]] = Counter()
    for model, seed in ((model, seed) for seed in seeds for model in models):
        classifier = train(preset(model, seed=seed, **SMALL), digits)
        for attack, size, names in RUNS:
            trial = Trial(
                classifier=classifier, x=x, y=y, attack=attack,
                attack_samples=size, inference_samples=30, seed=seed,
            )  # fmt: skip
            for name in names:
                finding = resolve(MODEL_CHECKS, name, "check")(trial)
                found[name, finding.status] += 1
                if finding.status != "pass":
                    print(model, seed, attack, finding, file=sys.stderr)
    return found


if __name__ == "__main__":
    for (name, status), times in sorted(count(MODELS, range(8)).items()):
        print(name, status, times)
