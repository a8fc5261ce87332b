"""`large-strength`: one step of some length breaks nearly every image."""

from dataclasses import replace

import numpy as np

from pyrosnn.checks.finding import Finding
from pyrosnn.checks.trial import Trial
from pyrosnn.sampling import predict

NAME = "large-strength"
NUM_STRENGTHS = 12
# Of the clean accuracy; what more than this share withstands at any length is not attacked.
MAX_SHARE = 0.5


def large_strength(trial: Trial) -> Finding:
    """Attack at strengths up to the largest distance between two images, unclipped.

    At one huge strength the accuracy need not go to chance: a network of ReLUs is linear far
    out, and a step of that length may come back to the label. A direction that lowers the margin
    does cross the boundary at *some* length: an image counts as withstanding if it is correct
    at every strength of a geometric grid. This share must not exceed chance, 1 / classes, by more
    than three binomial standard errors; above half of the clean accuracy it fails.

    Args:
        trial: what to check.

    Returns:
        The finding; its value is the share of images that are correct at every strength.
    """
    norm = trial.attack.norms[trial.attack.norm]
    apart = max(float(norm.measure(trial.x - image).max()) for image in trial.x)
    largest = max(apart, float(norm.measure(trial.x).max()))
    strengths = np.geomspace(largest / 200, largest, NUM_STRENGTHS).tolist()
    one_step = replace(trial.one_step, clip=None)
    attack_set, inference_set = trial.sets()
    results = one_step.sweep(trial.classifier, trial.x, trial.y, attack_set, strengths)
    clean = predict(trial.classifier, trial.x, inference_set).predicted == trial.y
    held = clean
    for result in results:
        mean = predict(trial.classifier, trial.x + result.perturbation, inference_set)
        held = held & (mean.predicted == trial.y)
    share = float(held.double().mean())
    chance = 1 / trial.classifier.num_classes
    bound = chance + 3 * float(np.sqrt(chance * (1 - chance) / len(trial.x)))
    status = "pass" if share <= bound else "warn"
    if share > max(bound, MAX_SHARE * float(clean.double().mean())):
        status = "fail"
    text = (
        f"{share:.0%} of the images withstand one step of every length up to {largest:.3g}, the "
        f"distance between images (expected: at most {bound:.0%})"
    )
    return Finding(name=NAME, status=status, value=share, message=text)
