"""`more-steps`: many steps leave no higher accuracy than one."""

from pyrosnn.attacks import PGD, Attack
from pyrosnn.attacks.norms import NORMS
from pyrosnn.checks.compared import compare
from pyrosnn.checks.finding import Finding, skipped
from pyrosnn.checks.trial import Trial

NAME = "more-steps"
NUM_STEPS = 10


def more_steps(trial: Trial) -> Finding:
    """Compare 10 steps of η / 5 with one of η, on the same A (at most 10 samples) and I.

    The attack under test is one of the two: where it has steps, its own number against one;
    where it has none, PGD with its settings against it.

    Args:
        trial: what to check.

    Returns:
        The finding; its value is the accuracy after many steps minus that after one.
    """
    if trial.attack.norm not in NORMS:
        return skipped(NAME, f"needs a strength in {' or '.join(NORMS)}, has {trial.attack.norm}")
    trial = trial.few
    many: Attack = trial.attack
    if not many.iterated:
        many = PGD(**trial.attack.shared, steps=NUM_STEPS, relative_step=2 / NUM_STEPS)
    return compare(
        NAME,
        trial,
        ("after many steps", trial.accuracies(many)),
        ("after one", trial.accuracies(trial.one_step)),
    )
