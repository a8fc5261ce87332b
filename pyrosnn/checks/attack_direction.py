"""`attack-direction`: δ lowers the margin, for the images of every class."""

import numpy as np
import xarray as xr

from pyrosnn.checks.differences import FAILURE_RATE, significantly_positive
from pyrosnn.checks.finding import Finding, skipped
from pyrosnn.results import GROUP, read_spec
from pyrosnn.summaries import attacks_predicted

NAME = "attack-direction"
# Images of a class, and of all classes, whose mean cosine is judged.
MIN_OF_A_CLASS, MIN_IMAGES = 4, 10
# A standard deviation is at least half of this: cosines of few images may be alike.
GRAIN = 0.02


def attack_direction(result: xr.DataTree) -> Finding:
    """Test the sign of the mean cosine over all images, and over those of each class.

    The cosine is that of δ and the direction in which the margin falls fastest: an attack, however
    few samples it has, has a positive mean. A mean that is significantly negative fails (Student's
    t over images, 1 % for all classes together): the sign is wrong for that class. It warns where
    the mean over all images is not significantly positive: δ has no direction.

    Args:
        result: a result with the group ``evaluation``.

    Returns:
        The finding; its value is the mean cosine, over all images or of the class that fails, at
        the smallest strength above 0, the largest S_A and the largest S_I.
    """
    values = result[GROUP].dataset
    positive = np.flatnonzero(values["strength"].values > 0)
    if len(positive) == 0:
        return skipped(NAME, "needs a strength above 0, has none")
    smallest = positive[values["strength"].values[positive].argmin()]
    size_a, size_i = (
        int(values[f"{set_}_samples"].values.argmax()) for set_ in ("attack", "inference")
    )
    cosine = values["cosine"].astype("float64")
    cosine = cosine.isel(strength=smallest, attack_samples=size_a, inference_samples=size_i)
    if attacks_predicted(read_spec(result)):  # the others are moved away from a wrong class
        right = values["attack_correct"].isel(attack_samples=size_a)
        cosine = cosine.where(right)
    by_image = cosine.mean("repeat").values
    known = np.isfinite(by_image)
    cosines, labels = by_image[known], values["label"].values[known]
    if len(cosines) < MIN_IMAGES:
        return skipped(NAME, f"needs {MIN_IMAGES} images with a cosine, has {len(cosines)}")
    groups = {int(label): cosines[labels == label] for label in np.unique(labels)}
    judged = {label: of for label, of in groups.items() if len(of) >= MIN_OF_A_CLASS}
    wrong = [
        label
        for label, of in judged.items()
        if bool(significantly_positive(-of, grain=GRAIN, comparisons=len(judged)))
    ]
    mean = float(cosines.mean())
    if wrong:
        worst = min(wrong, key=lambda label: float(judged[label].mean()))
        text = (
            f"images of class {', '.join(map(str, wrong))} are moved the wrong way: their mean "
            f"cosine is {float(judged[worst].mean()):.2f}, that of all images {mean:.2f}"
        )
        value = float(judged[worst].mean())
        return Finding(name=NAME, status="fail", value=value, message=text)
    text = f"the mean cosine is {mean:.2f}"
    if bool(significantly_positive(cosines, grain=GRAIN)):
        text += ", and that of no class is negative"
        return Finding(name=NAME, status="pass", value=mean, message=text)
    return Finding(
        name=NAME,
        status="warn",
        value=mean,
        message=f"{text}, not significantly above 0 ({FAILURE_RATE:.0%}): take more attack samples",
        reason="moves images in no direction that matters",
    )
