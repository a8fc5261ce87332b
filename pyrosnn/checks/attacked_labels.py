"""`attacked-labels`: the attack leads away from the true class."""

import xarray as xr

from pyrosnn.checks.finding import Finding, skipped
from pyrosnn.results import GROUP, read_spec
from pyrosnn.summaries import attacks_predicted

NAME = "attacked-labels"


def attacked_labels(result: xr.DataTree) -> Finding:
    """Fail where predicted labels were attacked that are not the true ones.

    An image that A misclassifies is then moved away from the wrong class. Some of these images
    become correct and count as robust, so that the accuracy is no bound.

    Args:
        result: a result with the group ``evaluation``.

    Returns:
        The finding; its value is the largest share, over strengths above 0 and S_A, of images
        that A misclassifies and that count as robust.
    """
    values, spec = result[GROUP].dataset, read_spec(result)
    if "labels" not in spec:
        return skipped(NAME, "needs the setting 'labels', which this result does not have")
    if not attacks_predicted(spec):
        text = "the attack maximises the loss of true labels"
        return Finding(name=NAME, status="pass", value=0.0, message=text)
    wrong = ~values["attack_correct"]
    share = float(wrong.mean())
    if share == 0:
        text = "the labels that A predicts are the true ones for every image"
        return Finding(name=NAME, status="pass", value=0.0, message=text)
    attacked = values.isel(strength=values["strength"].values > 0)
    dims = [dim for dim in ("repeat", "example") if dim in attacked.dims]
    counted = (attacked["adversarial_correct"] & wrong).mean(dims)
    value = float(counted.max()) if counted.size else 0.0
    text = (
        f"A misclassifies {share:.1%} of the images, which the attack moves away from the wrong "
        f"class; up to {value:.1%} of all images count as robust that way: attack true labels"
    )
    return Finding(name=NAME, status="fail", value=value, message=text)
