"""Certified accuracy: the share of images that no δ of a length moves."""

import numpy as np
import xarray as xr

from pyrosnn.certificates.bridges import data_set_bound
from pyrosnn.settings import checked_arguments
from pyrosnn.statistics import probability_lower, require_alpha
from pyrosnn.summaries.evaluated import group_of

GROUP = "certificates"


def certified_at(result: xr.DataTree) -> xr.DataArray:
    """Return whether each image is certified for its label beyond each distance.

    An image whose certificate abstains, or is for another class, is not.

    Args:
        result: a result of ``certificates``, with distances.

    Returns:
        Booleans over ``example``, ``certificate`` and ``distance``.
    """
    values = group_of(result, GROUP)
    right = values["certified_class"] == values["label"]
    return (right & (values["certified_radius"] > values["distance"])).rename("certified")


def certified_accuracy(result: xr.DataTree) -> xr.DataArray:
    """Return the share of images that are certified for their label beyond each distance.

    Args:
        result: a result of ``certificates``, with distances.

    Returns:
        Shares over ``certificate`` and ``distance``.

    Example:
        >>> import pyrosnn
        >>> from pyrosnn.certificates.certify import certify
        >>> from pyrosnn.models.smoothed import Smoothed
        >>> digits = pyrosnn.load_dataset("digits")
        >>> bnn = pyrosnn.train(pyrosnn.preset("bnn", epochs=5), digits)
        >>> x, y = digits.test_images(10)
        >>> smoothed = Smoothed(bnn, variance=0.1)
        >>> values = certify(smoothed, x, y, num_samples=500, distances=[0.0, 5.0])
        >>> result = pyrosnn.make_result(
        ...     values, study="mine", spec={}, provenance={}, group="certificates"
        ... )
        >>> certified_accuracy(result).sel(certificate="votes", distance=5.0).item()
        0.0
    """
    return certified_at(result).mean("example").rename("certified_accuracy")


@checked_arguments
def data_set_certificate(result: xr.DataTree, *, alpha: float = 0.001) -> xr.DataArray:
    r"""Return a lower bound of the accuracy of single draws, over images like these.

    Each image is classified by one draw of its own, as a deployed randomized classifier does.
    With the accuracy's Clopper-Pearson bound β, at least $\Phi(\Phi^{-1}(\beta) - r / \sigma)$
    of images are classified correctly however each is moved by r.

    Args:
        result: a result of ``certificates``, with distances.
        alpha: probability that the bound is too large for some distance, at most.

    Returns:
        Bounds over ``distance``.
    """
    require_alpha(alpha)
    values = group_of(result, GROUP)
    correct = values["own_correct"].values
    lower = probability_lower(correct.sum(), len(correct), alpha)
    steps = values["distance"] / float(values["noise_scale"])
    return steps.copy(data=data_set_bound(lower, steps.values)).rename("data_set_bound")


def broken(result: xr.DataTree, certificate: str) -> xr.DataArray:
    """Return how many images are certified beyond a distance, but misclassified by I there.

    Args:
        result: a result of ``certificates`` whose images were attacked.
        certificate: a kind of certificate.

    Returns:
        Counts over ``distance``, and as coordinate ``certified`` how many are certified.
    """
    certified = certified_at(result).sel(certificate=certificate, drop=True)
    fell = certified & ~group_of(result, GROUP)["attacked_correct"]
    counts = fell.sum("example", dtype=np.int64)
    return counts.assign_coords(certified=("distance", certified.sum("example").values))
