"""`logits` and `random-outputs`: a classifier returns logits, and they are random."""

from pyrosnn.checks.finding import Finding
from pyrosnn.checks.trial import Trial
from pyrosnn.sampling import draw_sample_set, replay_logits
from pyrosnn.sampling.outputs_vary import NUM_SAMPLES, share_of_probabilities, share_still


def logits_are_logits(trial: Trial) -> Finding:
    """Check whether ``logits`` returns probabilities: within [0, 1] and summing to 1.

    A second softmax then damps the gradients and flattens the mean prediction.

    Args:
        trial: what to check.

    Returns:
        The finding; its value is the share of samples and images that look so.
    """
    share = share_of_probabilities(replay_logits(trial.classifier, trial.x, trial.sets()[1]))
    text = f"{share:.0%} of the logits lie in [0, 1] and sum to 1, as probabilities do"
    status = "fail" if share > 0.99 else "warn" if share > 0.5 else "pass"
    return Finding(name="logits", status=status, value=share, message=text)


def random_outputs(trial: Trial) -> Finding:
    """Check whether the logits of an image differ between samples.

    Args:
        trial: what to check.

    Returns:
        The finding; its value is the share of images with one output in all samples.
    """
    samples = trial.sets()[1]
    if len(samples) < NUM_SAMPLES:  # of few members, few draws may all be of one
        samples = draw_sample_set(
            trial.classifier, trial.x, NUM_SAMPLES, seed=trial.seed, stream="outputs-vary"
        )
    logits = replay_logits(trial.classifier, trial.x, samples)
    share = share_still(logits)
    text = f"the logits of {share:.0%} of the images are the same in all {len(logits)} samples"
    status = "pass" if share == 0 else "fail" if share == 1 else "warn"
    return Finding(name="random-outputs", status=status, value=share, message=text)
