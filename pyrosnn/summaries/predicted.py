"""What attacked images are taken for: the success of a targeted attack, and confusions."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from pyrosnn.errors import require
from pyrosnn.results import GROUP
from pyrosnn.summaries.cosine import at_strength
from pyrosnn.summaries.reading import of_result

NAME = "predicted_class"


@of_result
def targeted_success(result: xr.DataTree, target: int | Sequence[int] | np.ndarray) -> xr.DataArray:
    """Return the share of attacked images that I takes for the target.

    Images whose true class is the target are left out.

    Args:
        result: a result file or what a study returned.
        target: the class that the attack aimed at: one for all images, or one for each, in the
            order of ``example``.

    Returns:
        The share over ``repeat`` (where the result has it), ``strength``, ``attack_samples`` and
        ``inference_samples``.

    Raises:
        ArgumentError: for a result without predicted classes, for another number of targets than
            of images, or if every image is of the target's class.

    Example:
        >>> import pyrosnn
        >>> digits = pyrosnn.load_dataset("digits")
        >>> bnn = pyrosnn.train(pyrosnn.preset("bnn", epochs=5), digits)
        >>> x, y = digits.test_images(50)
        >>> A, I = pyrosnn.disjoint_sample_sets(bnn, x, attack=10, inference=50, seed=0)
        >>> def towards_3(module, x, y, strength):
        ...     loss = torch.nn.functional.cross_entropy(module(x.requires_grad_()), 0 * y + 3)
        ...     gradient = torch.autograd.grad(loss, x)[0].flatten(1)
        ...     return x - strength * torch.nn.functional.normalize(gradient).reshape(x.shape)
        >>> import torch
        >>> sets = {"attack_samples": A, "inference_samples": I}
        >>> values = pyrosnn.evaluate(bnn, x, y, attack=towards_3, strengths=[0.0, 2.0], **sets)
        >>> result = pyrosnn.make_result(values, study="mine", spec={}, provenance={})
        >>> before, after = targeted_success(result, 3).values.flatten()
        >>> bool(after > before + 0.5)
        True
    """
    predicted = _predicted(result)
    label = predicted["label"]
    wanted = np.asarray(target)
    require(
        wanted.dtype.kind in "iu" and wanted.shape in ((), label.shape),
        f"target must be a class, or one for each of the {label.size} images, got {wanted.dtype} "
        f"of shape {wanted.shape}",
    )
    wanted = np.broadcast_to(wanted, label.shape)
    aimed = label != wanted
    require(bool(aimed.any()), "every image is of the target's class; give another target")
    aim = xr.DataArray(wanted, dims=label.dims)
    success: xr.DataArray = ((predicted == aim) & aimed).sum("example") / int(aimed.sum())
    return success.rename("targeted_success")


@of_result
def confusion_matrix(result: xr.DataTree, strength: float | None = None) -> xr.DataArray:
    """Return how many attacked images of each class I takes for each class.

    Args:
        result: a result file or what a study returned.
        strength: a strength of the result, 0 for clean images; None takes the largest.

    Returns:
        Counts over ``true_class`` and ``predicted``, both all classes that occur, and over
        ``repeat`` (where the result has it), ``attack_samples`` and ``inference_samples``.

    Raises:
        ArgumentError: for a result without predicted classes, or without the strength.
    """
    _predicted(result)
    predicted = at_strength(result, NAME, strength)
    label = predicted["label"].values
    classes = np.unique(np.concatenate([label, predicted.values.ravel()]))
    counts = [
        [(predicted.isel(example=label == true) == other).sum("example") for other in classes]
        for true in classes
    ]
    rows = [xr.concat(row, xr.Variable("predicted", classes)) for row in counts]
    found = xr.concat(rows, xr.Variable("true_class", classes)).drop_attrs()
    matrix: xr.DataArray = found.rename("confusion_matrix").transpose(
        "true_class", "predicted", ...
    )
    return matrix


def _predicted(result: xr.DataTree) -> xr.DataArray:
    values = result[GROUP].dataset
    require(
        NAME in values,
        f"the result has no {NAME}: it was written before they were kept, or by another "
        "program; evaluate again",
    )
    predicted: xr.DataArray = values[NAME]
    return predicted
