"""`more-steps`: more steps leave an accuracy that is neither higher nor much lower."""

from dataclasses import replace

from pyrosnn.attacks import PGD, Attack
from pyrosnn.attacks.norms import NORMS
from pyrosnn.checks.compared import Named, compare
from pyrosnn.checks.differences import is_large, significantly_positive
from pyrosnn.checks.finding import Finding, skipped
from pyrosnn.checks.trial import Trial

NAME = "more-steps"
NUM_STEPS = 10
# An attack of fewer steps is compared with one of twice as many.
ENOUGH = 20


def more_steps(trial: Trial) -> Finding:
    """Compare the attack with one step, and with more steps, on the same A and I.

    Many steps that leave a higher accuracy than one warn, and fail above 0.02. More steps that
    leave less warn above 0.02: the attack is then no bound. The attack under test is one of the
    two, the other is its single step, or PGD with its settings in 10 steps of η / 5, or in twice as
    many as it has. A has at most 10 samples.

    Args:
        trial: what to check.

    Returns:
        The finding; its value is the accuracy after more steps minus that after fewer.
    """
    attack = trial.attack
    if attack.norm not in NORMS:
        return skipped(NAME, f"needs a strength in {' or '.join(NORMS)}, has {attack.norm}")
    trial = trial.few
    one = ("after one", trial.accuracies(trial.one_step))
    if not attack.iterated:
        many = ("after many steps", trial.accuracies(_pgd(attack, NUM_STEPS)))
        return _gain(trial, many, one) or compare(NAME, trial, many, one)
    own = ("after many steps", trial.accuracies(attack))
    finding = compare(NAME, trial, own, one)
    steps = getattr(attack, "steps", ENOUGH)
    if finding.status != "pass" or steps >= ENOUGH:
        return finding
    twice = max(NUM_STEPS, 2 * steps)
    more = (f"after {twice} steps", trial.accuracies(_pgd(attack, twice)))
    return _gain(trial, more, (f"after {steps}", own[1])) or finding


def _pgd(attack: Attack, steps: int) -> PGD:
    return PGD(**attack.shared, steps=steps, relative_step=2 / steps)


def _gain(trial: Trial, more: Named, fewer: Named) -> Finding | None:
    """Return a warning where more steps leave an accuracy that is lower by more than 0.02."""
    fall = fewer[1] - more[1]
    significant = bool(significantly_positive(fall, grain=1 / len(trial.x)))
    if not (significant and is_large(float(fall.mean()))):
        return None
    finding = compare(NAME, trial, more, fewer)
    return replace(
        finding,
        status="warn",
        message=f"{finding.message}: the attack is no bound",
        reason="leaves more than an attack of more steps",
    )
