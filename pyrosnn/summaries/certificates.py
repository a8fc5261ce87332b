"""Certified accuracy: the share of images that no δ of a length moves."""

import numpy as np
import xarray as xr

from pyrosnn.certificates import CERTIFICATES
from pyrosnn.certificates.bridges import data_set_bound
from pyrosnn.errors import require, unknown_name
from pyrosnn.results.dataset import with_repeat
from pyrosnn.statistics import probability_lower, require_alpha
from pyrosnn.summaries.evaluated import group_of
from pyrosnn.summaries.reading import of_result

GROUP = "certificates"
# The group of the standard evaluation, and the norm of the certificates.
STANDARD, NORM = "standard", "l2"


@of_result
def headline(result: xr.DataTree) -> str:
    """Return the certificate to speak of: the margin's, which is about the mean prediction.

    Args:
        result: a result with certificates.
    """
    names = [str(name) for name in group_of(result, GROUP)["certificate"].values]
    of_means = [name for name in names if CERTIFICATES[name].of_scores]
    return "margin" if "margin" in names else (of_means or names)[0]


@of_result
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


@of_result
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


@of_result
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


@of_result
def certified_threats(result: xr.DataTree) -> xr.DataArray | None:
    """Return whether each image of a standard evaluation is certified under each threat.

    Args:
        result: a result of the standard evaluation.

    Returns:
        Numbers 0 and 1 over ``example`` and ``threat``, NaN for threats in another norm than ℓ2;
        None for a result without certificates.
    """
    if GROUP not in result.children:
        return None
    threats = group_of(result, STANDARD)[["threat_norm", "threat_strength"]].reset_coords()
    kept = group_of(result, GROUP).sel(certificate=headline(result), drop=True)
    right = kept["certified_class"] == kept["label"]
    held = right & (kept["certified_radius"] > threats["threat_strength"])
    return (
        held.astype("float64")
        .where(threats["threat_norm"] == NORM)
        .drop_vars("label", errors="ignore")
    )


@of_result
def attacked_at(result: xr.DataTree) -> xr.DataArray | None:
    """Return whether I classifies each image correctly under attack at each distance.

    The attack is that of the study ``certificates``, or all those of a standard evaluation in ℓ2.

    Args:
        result: a result with certificates.

    Returns:
        Booleans over ``repeat``, ``example`` and ``distance``; None where nothing was attacked.
    """
    values = group_of(result, GROUP)
    if "attacked_correct" in values:
        return with_repeat(values[["attacked_correct"]], 0)["attacked_correct"]
    if STANDARD not in result.children:
        return None
    attacked = with_repeat(group_of(result, STANDARD), 0)
    (which,) = np.flatnonzero(attacked["threat_norm"].values == NORM)
    correct = attacked["archive_correct"].isel(threat=which, drop=True)
    return correct.expand_dims(distance=values["distance"].values).transpose(..., "distance")


@of_result
def broken(result: xr.DataTree, certificate: str) -> xr.DataArray:
    """Return how many images are certified beyond a distance, but misclassified by I there.

    Args:
        result: a result with certificates whose images were attacked.
        certificate: a kind of certificate.

    Returns:
        Counts over ``distance``, and as coordinate ``certified`` how many are certified. With
        several repeats of the attack, an image counts in each of them.

    Raises:
        ArgumentError: for a result without an attack.
        UnknownNameError: for a certificate that it does not have.
    """
    attacked = attacked_at(result)
    require(attacked is not None, "the images were not attacked; run certify with --attacked")
    assert attacked is not None
    names = [str(name) for name in group_of(result, GROUP)["certificate"].values]
    if certificate not in names:
        raise unknown_name("certificate of the result", certificate, names)
    certified = certified_at(result).sel(certificate=certificate, drop=True)
    fell = (certified & ~attacked).sum(["repeat", "example"], dtype=np.int64)
    number = certified.sum("example").values * attacked.sizes["repeat"]
    return fell.assign_coords(certified=("distance", number))
