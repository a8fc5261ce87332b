"""`logits` and `random-outputs`: what a classifier gives is what it says, and is random."""

from pyrosnn.checks.finding import Finding
from pyrosnn.checks.trial import Trial
from pyrosnn.sampling import replay_logits

# float32 rounding of a sum of probabilities
SUM_TOLERANCE = 1e-4
# Spread of logits over samples, relative to the largest: rounding stays below.
SMALLEST_SPREAD = 1e-5


def logits_are_logits(trial: Trial) -> Finding:
    """Ask whether ``logits`` returns probabilities: within [0, 1] and summing to 1.

    A second softmax then damps the gradients and flattens the mean prediction.

    Args:
        trial: what to check.

    Returns:
        The finding; its value is the share of samples and images that look so.
    """
    logits = replay_logits(trial.classifier, trial.x, trial.sets()[1]).double()
    inside = ((logits >= -SUM_TOLERANCE) & (logits <= 1 + SUM_TOLERANCE)).all(-1)
    share = float((inside & ((logits.sum(-1) - 1).abs() < SUM_TOLERANCE)).double().mean())
    text = f"{share:.0%} of the logits lie in [0, 1] and sum to 1, as probabilities do"
    status = "fail" if share > 0.99 else "warn" if share > 0.5 else "pass"
    return Finding(name="logits", status=status, value=share, message=text)


def random_outputs(trial: Trial) -> Finding:
    """Ask whether the logits of an image differ between samples.

    Args:
        trial: what to check.

    Returns:
        The finding; its value is the share of images with one output in all samples.
    """
    logits = replay_logits(trial.classifier, trial.x, trial.sets()[1]).double()
    spread = (logits.amax(0) - logits.amin(0)).amax(-1)
    still = spread <= SMALLEST_SPREAD * logits.abs().amax((0, 2))
    share = float(still.double().mean())
    text = f"the logits of {share:.0%} of the images are the same in all {len(logits)} samples"
    status = "pass" if share == 0 else "fail" if share == 1 else "warn"
    return Finding(name="random-outputs", status=status, value=share, message=text)
