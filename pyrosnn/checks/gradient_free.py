"""`gradient-free`: an attack without gradients does not beat the one with them."""

from dataclasses import replace

from pyrosnn.attacks import SPSA
from pyrosnn.attacks.norms import NORMS
from pyrosnn.checks.compared import compare
from pyrosnn.checks.finding import Finding, skipped
from pyrosnn.checks.trial import Trial

NAME = "gradient-free"
# SPSA evaluates the network 2 · 64 times: a few images and samples are enough for a large flaw.
MAX_IMAGES, MAX_SAMPLES = 25, 20


def gradient_free(trial: Trial) -> Finding:
    """Compare the attack with SPSA on the same loss, the same A and the same I.

    Args:
        trial: what to check; its first 25 images, and at most 20 samples in A.

    Returns:
        The finding; its value is the accuracy under the attack minus that under SPSA.
    """
    if trial.attack.norm not in NORMS:
        return skipped(NAME, f"needs a strength in {' or '.join(NORMS)}, has {trial.attack.norm}")
    small = replace(
        trial,
        x=trial.x[:MAX_IMAGES],
        y=trial.y[:MAX_IMAGES],
        attack_samples=min(trial.attack_samples, MAX_SAMPLES),
    )
    return compare(
        NAME,
        small,
        ("under the attack", small.accuracies(trial.attack)),
        ("without gradients (SPSA)", small.accuracies(SPSA(**trial.attack.shared))),
    )
