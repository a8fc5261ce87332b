"""`equal-budget`: no other division of the gradients into steps and samples is much better."""

from collections.abc import Iterator
from math import isqrt

from pyrosnn.attacks import PGD
from pyrosnn.attacks.norms import NORMS
from pyrosnn.checks.differences import is_large, significantly_positive
from pyrosnn.checks.finding import Finding, skipped
from pyrosnn.checks.trial import Trial
from pyrosnn.errors import NoGradientError

NAME = "equal-budget"
# Gradients of single samples, for each image, that are divided into steps and samples.
BUDGET = 64
MAX_IMAGES, MAX_INFERENCE = 25, 50


def equal_budget(trial: Trial) -> Finding:
    """Compare the attack with PGD on fresh samples, with as many gradients in other proportions.

    An attack with a larger budget than 64 gradients gets fewer samples. PGD divides the same number
    into steps of one sample each, into its square root of steps, and into one step.

    Args:
        trial: what to check; its first 25 images, and at most 50 samples in I.

    Returns:
        The finding; it warns where another division leaves an accuracy that is lower by more than
        0.02, significantly. Its value is the largest mean difference.
    """
    attack = trial.attack
    if attack.norm not in NORMS:
        return skipped(NAME, f"needs a strength in {' or '.join(NORMS)}, has {attack.norm}")
    small = trial.of(
        x=trial.x[:MAX_IMAGES],
        y=trial.y[:MAX_IMAGES],
        attack_samples=1,
        inference_samples=min(trial.inference_samples, MAX_INFERENCE),
    )
    try:
        cost = attack(small.classifier, small.x, small.y, small.sets()[0]).num_gradients
    except NoGradientError:
        return skipped(NAME, "needs a classifier with gradients, has one without")
    if cost == 0:
        return skipped(NAME, "needs an attack that computes gradients, has one without")
    size = max(1, min(trial.attack_samples, BUDGET // cost))
    budget = min(BUDGET, size * cost)
    if budget < 2:
        return skipped(NAME, "needs several samples or steps to divide, has one of each")
    own = small.of(attack_samples=size).accuracies(attack)
    others = {
        pgd.steps: small.of(attack_samples=budget // pgd.steps).accuracies(pgd)
        for pgd in _divisions(trial, budget)
        if (pgd, budget // pgd.steps) != (attack, size) and (pgd.steps > 1 or attack.iterated)
    }
    comparisons = len(others)
    steps, lowest = min(others.items(), key=lambda item: float(item[1].mean()))
    rise = own - lowest
    mean = float(rise.mean())
    significant = bool(
        significantly_positive(rise, grain=1 / len(small.x), comparisons=comparisons)
    )
    in_steps = f"{steps} step{'s' if steps > 1 else ''}"
    text = (
        f"accuracy {own.mean():.3f} with S_A = {size} at {size * cost} gradients, "
        f"{lowest.mean():.3f} with S_A = {budget // steps} in {in_steps} of PGD"
    )
    status = "warn" if significant and is_large(mean) else "pass"
    return Finding(name=NAME, status=status, value=mean, message=text)


def _divisions(trial: Trial, budget: int) -> Iterator[PGD]:
    """Yield PGD with the attack's loss, in one step, in a few, and in as many as there are."""
    for steps in sorted({1, isqrt(budget), budget}):
        yield PGD(**trial.attack.shared, steps=steps, relative_step=min(1.0, 2 / steps))
