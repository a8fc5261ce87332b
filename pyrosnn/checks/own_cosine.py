"""`own-cosine`: a margin attack that is judged on A itself has a cosine of 1."""

from dataclasses import replace
from typing import Any

from pyrosnn.checks.finding import Finding, skipped
from pyrosnn.checks.trial import Trial
from pyrosnn.conditions import attack_geometry
from pyrosnn.sampling import predict

NAME = "own-cosine"
TOLERANCE = 1e-3
SETTINGS: dict[str, Any] = {
    "loss": "margin",
    "norm": "l2",
    "gradient": "mean_prediction",
    "labels": "true",
    "precision": "full",
    "clip": None,
}


def own_cosine(trial: Trial) -> Finding:
    r"""Judge the attack, with the margin loss and in one ℓ2 step, on its own samples.

    It goes along $-\nabla(f_y - f_c)$ with the runner-up c. Where c is also the class j that the
    condition picks, its cosine is 1 whatever the model is: attack and condition differentiate the
    same prediction, with the same sign. j differs from c for images near three classes only.

    Args:
        trial: what to check.

    Returns:
        The finding; its value is the share of images with a cosine of 1 among those with j = c,
        or 0 if that is less than half of all: a step the wrong way picks other classes.
    """
    if not trial.one_step.follows_gradient:
        return skipped(NAME, "needs an attack along the gradient of a loss, has another")
    attack_set = trial.sets()[0]
    margin = replace(trial.one_step, **SETTINGS)
    result = margin(trial.classifier, trial.x, trial.y, attack_set)
    # a stream of another name: A as I is refused, and here it is meant
    own = replace(attack_set, origin=replace(attack_set.origin, stream="own-cosine"))
    seen = attack_geometry(trial.classifier, trial.x, trial.y, result, own)
    defined = seen.cosine.isfinite()
    if not bool(defined.any()):
        return skipped(NAME, "needs an image with a gradient, all have a zero gradient")
    runner_up = predict(trial.classifier, trial.x, attack_set).runner_up(trial.y)
    same = defined & (seen.nearest == runner_up)
    share = 0.0
    if 2 * int(same.sum()) >= int(defined.sum()):
        share = float((seen.cosine[same] > 1 - TOLERANCE).double().mean())
    mean = float(seen.cosine[defined].mean())
    text = (
        f"on its own samples {share:.0%} of a margin attack's cosines are 1, of images whose "
        f"nearest class is the runner-up (mean of all {mean:.3f})"
    )
    status = "pass" if share == 1 else "fail"
    return Finding(name=NAME, status=status, value=share, message=text)
