"""`gradient-definitions`: gradients of the mean prediction and of the mean loss agree in order."""

from dataclasses import replace
from typing import Any

import numpy as np
from scipy import stats

from pyrosnn.attacks import Attack
from pyrosnn.checks.finding import Finding, skipped, without_rounding
from pyrosnn.checks.trial import NUM_REPEATS, Trial
from pyrosnn.conditions import attack_geometry

NAME = "gradient-definitions"
FAILURE_RATE = 0.01
# A difference of the two accuracies that decides what an evaluation says.
LARGE = 0.1


def gradient_definitions(trial: Trial) -> Finding:
    r"""Rank the images by the linear radius under the two attacks, and compare accuracies.

    The attack runs with ``mean_prediction`` and with ``mean_loss`` on the same A. Images that are
    near the boundary along the one δ should be near it along the other: the rank correlation
    (Spearman) of r̃ must be significantly positive at a rate of 1 %, or the check fails. It warns
    if the accuracies, with at most 10 samples in A, differ by more than 0.1.

    Args:
        trial: what to check.

    Returns:
        The finding; its value is the rank correlation.
    """
    if not trial.attack.chooses_loss:
        return skipped(NAME, "needs an attack whose gradient can be chosen, has another")
    definitions: list[dict[str, Any]] = [{"gradient": "mean_prediction"}, {"gradient": "mean_loss"}]
    prediction, loss = (replace(trial.one_step, **settings) for settings in definitions)
    first, second = _radii(trial, prediction), _radii(trial, loss)
    different = [len(np.unique(radii)) > 1 for radii in (first, second)]
    if not any(different):
        return skipped(NAME, "needs images with different radii, all are the same")
    rank, p_value = 0.0, 1.0  # one ranks the images, the other does not
    if all(different):
        rank, p_value = stats.spearmanr(first, second, alternative="greater")
    few = trial.few
    gaps = few.accuracies(prediction) - few.accuracies(loss)
    difference = without_rounding(float(gaps.mean()))
    status = "warn" if abs(difference) > LARGE else "pass"
    if not p_value < FAILURE_RATE:
        status = "fail"
    text = (
        f"radii under the two definitions have a rank correlation of {float(rank):.2f}; "
        f"accuracies differ by {difference:+.3f} (mean of {NUM_REPEATS} repeats)"
    )
    return Finding(name=NAME, status=status, value=float(rank), message=text)


def _radii(trial: Trial, attack: Attack) -> np.ndarray:
    """Return r̃ of each image under an attack on A, measured on I."""
    attack_set, inference_set = trial.sets()
    result = attack(trial.classifier, trial.x, trial.y, attack_set)
    seen = attack_geometry(trial.classifier, trial.x, trial.y, result, inference_set)
    radii: np.ndarray = seen.radius.cpu().numpy()
    return radii
