"""`zero-gradients`: images that were never attacked, because their gradient vanished."""

import numpy as np
import xarray as xr

from pyrosnn.checks.finding import Finding, skipped
from pyrosnn.checks.functions import is_function
from pyrosnn.results import GROUP, read_spec

NAME = "zero-gradients"
# A share of images that were not attacked raises adversarial accuracy by up to as much: 5 points.
MAX_SHARE = 0.05
SMALLEST_FLOAT32 = float(np.finfo(np.float32).tiny)


def zero_gradients(result: xr.DataTree) -> Finding:
    """Count images without a gradient: the attack's is zero, or the cosine is undefined.

    Any such share warns; from 5 % on it fails, as accuracies may be that much too high. Gradients
    below the smallest normal float32 (1.2e-38) warn from 5 % on: pyrosnn computes them exactly,
    other tools would not. Images that rest by design are left out: those that A misclassifies,
    with a loss such as ``cw`` or with a function as the attack. So are images that an attack did
    not move although a gradient may be there: they have no cosine, and :func:`unmoved_images`
    counts them.

    Args:
        result: a result with the group ``evaluation``.

    Returns:
        The finding; its value is the share of the worst pair of S_A and S_I.
    """
    values, spec = result[GROUP].dataset, read_spec(result)
    if values["gradient_norm"].isnull().all():
        return skipped(NAME, "needs a classifier with gradients, which are zero or not")
    attacked = values.isel(strength=np.flatnonzero(values["strength"] > 0))
    if attacked.sizes["strength"] == 0:
        return skipped(NAME, "needs a strength above 0, has none")
    counted = (attacked["perturbation_norm"] != 0) | attacked["zero_gradient"]
    rests = spec.get("rests", spec.get("loss") == "cw")  # studies do not say so
    if rests or is_function(spec):
        counted = counted & attacked["attack_correct"]
    dims = ("repeat", "example", "strength")
    number = counted.sum(dims)
    if int(number.min()) == 0:
        return skipped(
            NAME, "needs images that were moved or that A classifies correctly, has none"
        )
    missing = (attacked["zero_gradient"] | attacked["cosine"].isnull()) & counted
    small = (attacked["gradient_norm"] < SMALLEST_FLOAT32) & counted
    share = float((missing.sum(dims) / number).max())
    tiny = float((small.sum(dims) / number).max())
    status = "pass"
    if share > 0 or tiny >= MAX_SHARE:
        status = "fail" if share >= MAX_SHARE else "warn"
    where = missing.sum(("repeat", "example", "strength", "inference_samples")) / number
    worst = int(where.idxmax("attack_samples"))
    text = "every image has a gradient"
    if share > 0:
        text = f"at most {share:.2%} of the images have no gradient (worst at S_A = {worst})"
    if tiny > 0:
        text += f"; {tiny:.1%} have one that float32 cannot hold"
    return Finding(name=NAME, status=status, value=share, message=text)
