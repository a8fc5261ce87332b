"""The certificates of images: what no δ within a ball can do to stored samples."""

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from pyrosnn.attacks import Attack
from pyrosnn.data.bounds import Bounds, check_bounds, require_within
from pyrosnn.errors import brief, require, row_of
from pyrosnn.evaluation.grid import STRENGTH, Numbers, listed
from pyrosnn.models.batch import batch_for
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.neutral import neutral
from pyrosnn.propagation import BALLS, METHODS
from pyrosnn.results import make_dataset
from pyrosnn.sampling import Origin, SampleSet
from pyrosnn.sampling.enumeration import HasMembers
from pyrosnn.settings import checked_arguments
from pyrosnn.shapes import ImagesLike, LabelsLike
from pyrosnn.statistics import probability_lower, probability_upper, require_alpha, split
from pyrosnn.verification.broken import count_unbroken, unbroken
from pyrosnn.verification.pages import bounded_pages
from pyrosnn.verification.sums import MarginSums, Verified


@checked_arguments
@neutral
def verify(
    classifier: StochasticClassifier,
    x: ImagesLike,
    y: LabelsLike,
    *,
    samples: SampleSet,
    strengths: Numbers,
    norm: str = "linf",
    method: str = "crown",
    clip: tuple[float, float] | None = None,
    alpha: float = 0.001,
    attack: Attack | None = None,
    first_example: int = 0,
) -> xr.Dataset:
    r"""Certify the predictions of stored samples in a ball around each image.

    Each sample θ_s is a network, whose differences of logits are bounded by intervals or linear
    relaxation: $d_{s,j} \le z_y - z_j$ for all δ with $\|\delta\| \le \eta$. Three statements
    follow.

    1. The mean prediction of this sample set is right for all δ: certain, without a confidence
       level (``verified``).
    2. The expectation over Θ is right for all δ, with probability 1 - α, if the samples are
       independent (``expectation_verified``): an empirical Bernstein bound for each other class.
    3. A network drawn at random is right for all δ with a probability in an interval that holds
       with probability 1 - α (``robust_low``, ``robust_high``): Clopper-Pearson bounds of the
       share that is verified, and of the share that an attack on the sample does not break.

    Args:
        classifier: a network with noise in it, samples of weights, or an ensemble, made of layers
            that can be bounded.
        x: images, shape (example, *image): a tensor, an array or nested lists.
        y: labels, shape (example,), likewise.
        samples: the samples: I, for the mean prediction that an evaluation judges.
        strengths: η's, in pixel units.
        norm: ``l2`` or ``linf``.
        method: ``ibp`` (intervals), ``crown-ibp`` (linear relaxation within intervals) or
            ``crown`` (linear relaxation throughout): ever closer, ever slower.
        clip: smallest and largest pixel of x + δ, None for no bounds.
        alpha: α of the second and third statement, for each image.
        attack: an attack of the same norm and ``clip`` that keeps its samples fixed, for the
            other side: it is told the samples. Without one, ``robust_high`` is 1.
        first_example: index of the first image in its data set, for the coordinate.

    Returns:
        A dataset over example and strength: ``verified`` and ``verified_margin`` (the bound of
        the smallest margin), ``expectation_verified`` and ``expectation_margin``,
        ``verified_share``, ``robust_low`` and ``robust_high``. With an attack, ``unbroken`` (the
        mean prediction is right under an attack on this sample set) and ``unbroken_share`` (the
        share of samples that are right, each attacked on its own).

    Raises:
        NoBoundsError: for a network that cannot be bounded, with the reason, and what can.
        ArgumentError: for bad images, labels or strengths, or an attack in another ball.

    References:
        Intervals: S. Gowal et al. (2018). Linear relaxation: H. Zhang et al. (CROWN, 2018).

    Example:
        >>> import pyrosnn
        >>> digits = pyrosnn.load_dataset("digits")
        >>> bnn = pyrosnn.train(pyrosnn.preset("bnn", epochs=5), digits)
        >>> x, y = digits.test_images(20)
        >>> I = pyrosnn.draw_sample_set(bnn, x, 5, seed=0, stream="inference")
        >>> values = verify(bnn, x, y, samples=I, strengths=[0.0, 0.02], method="crown-ibp")
        >>> accuracy = values["verified"].mean("example").values
        >>> bool(accuracy[0] > 0.5 and accuracy[1] <= accuracy[0])
        True
    """
    require_alpha(alpha)
    row_of(METHODS, method, "method")
    row_of(BALLS, norm, "norm with bounds")
    grid = listed("strengths", strengths, "strength", STRENGTH)
    require(len(grid) >= 1, "got no strengths; expected at least one")
    x, y = batch_for(classifier, x, y, move=True)
    samples.require_fit(classifier, len(x))
    samples.require_alike("verify")
    if clip is not None:
        clip = check_bounds("clip", clip)
        require_within(x, clip, "clip")
    _require_same_ball(attack, norm, clip)
    own, times = distinct(classifier, samples)
    sums = MarginSums(y, len(grid), classifier.num_classes, classifier.output, times)
    with torch.no_grad():
        for page in bounded_pages(
            classifier, x, y, own, norm=norm, strengths=grid, method=method, clip=clip
        ):
            sums.add(page)
    values = _values(sums.statements(alpha), alpha)
    if attack is not None:
        whole = unbroken(classifier, x, y, samples, attack=attack, strengths=grid)
        counts = count_unbroken(classifier, x, y, own, times, attack=attack, strengths=grid)
        values["unbroken"] = whole.cpu().numpy()
        values["unbroken_share"] = counts / len(samples)
        values["robust_high"] = probability_upper(counts, len(samples), split(alpha, 2))
    coords = {
        "example": np.arange(first_example, first_example + len(x)),
        "label": y.cpu().numpy(),
        "strength": np.asarray(grid, dtype=np.float64),
    }
    labelled = make_dataset(values, coords)
    settings = {"norm": norm, "method": method, "alpha": alpha, "num_samples": len(samples)}
    return labelled.assign_attrs(settings)


def distinct(classifier: StochasticClassifier, samples: SampleSet) -> tuple[SampleSet, Tensor]:
    """Return the different samples of a set, and how often each is in it.

    Members of an ensemble are drawn with replacement; each is bounded once.

    Args:
        classifier: the classifier.
        samples: the sample set.
    """
    ones = torch.ones(len(samples), dtype=torch.int64, device=classifier.device)
    if not isinstance(classifier, HasMembers) or set(samples.tensors) != {"member"}:
        return samples, ones
    members, times = samples.tensors["member"].flatten().unique(return_counts=True)
    origin = Origin(seed=samples.origin.seed, stream="members", stop=len(members))
    sites = classifier.member_sites(members)
    return SampleSet(origin=origin, stored=sites, memory_budget=samples.memory_budget), times


def _require_same_ball(attack: Attack | None, norm: str, clip: Bounds | None) -> None:
    """Refuse an attack whose δ are others than those that are verified."""
    if attack is not None:
        require(
            (attack.norm, attack.clip) == (norm, clip),
            f"the attack moves in the norm {attack.norm} with clip={attack.clip}, what is verified "
            f"in {norm} with clip={brief(clip)}; give both the same",
        )


def _values(found: Verified, alpha: float) -> dict[str, np.ndarray]:
    """Return the statements' values by variable, shape (example, strength)."""
    side = split(alpha, 2)  # both ends of the interval hold together
    values = {
        "verified": found.margin > 0,
        "verified_margin": found.margin,
        "verified_share": found.samples / found.number,
        "robust_low": probability_lower(found.samples, found.number, side),
        "robust_high": np.ones(found.samples.shape),
    }
    if found.expected is not None:
        values["expectation_verified"] = found.expected > 0
        values["expectation_margin"] = found.expected
    return values
