"""`gradient-free`: an attack without gradients does not beat the one with them."""

from pyrosnn.attacks import SPSA
from pyrosnn.attacks.norms import NORMS
from pyrosnn.checks.compared import compare
from pyrosnn.checks.finding import Finding, skipped
from pyrosnn.checks.trial import Trial

NAME = "gradient-free"
# SPSA evaluates the network twice a direction: few of all are enough for a large flaw.
MAX_IMAGES, NUM_DIRECTIONS = 25, 32


def gradient_free(trial: Trial) -> Finding:
    """Compare the attack with SPSA on the same loss, the same A and the same I.

    Args:
        trial: what to check; its first 25 images, and at most 10 samples in A.

    Returns:
        The finding; its value is the accuracy under the attack minus that under SPSA.
    """
    if trial.attack.norm not in NORMS:
        return skipped(NAME, f"needs a strength in {' or '.join(NORMS)}, has {trial.attack.norm}")
    small = trial.few
    if len(trial.x) > MAX_IMAGES:
        small = small.of(x=trial.x[:MAX_IMAGES], y=trial.y[:MAX_IMAGES])
    estimated = SPSA(**trial.attack.shared, directions=NUM_DIRECTIONS)
    return compare(
        NAME,
        small,
        ("under the attack", small.accuracies(trial.attack)),
        ("without gradients (SPSA)", small.accuracies(estimated)),
    )
