"""The certificates of images: radii within which no attack changes a prediction."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from pyrosnn.certificates import CERTIFICATES, find_certificate
from pyrosnn.certificates.bridges import finite_mean
from pyrosnn.certificates.draws import (
    CERTIFICATION,
    SELECTION,
    choose_classes,
    joint_draws,
    tally_of,
)
from pyrosnn.certificates.margin import MarginBounds
from pyrosnn.certificates.tally import Tally
from pyrosnn.certificates.votes import vote_bound
from pyrosnn.errors import NotSmoothedError, require
from pyrosnn.models.batch import batch_for
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.input_noise import input_variance
from pyrosnn.neutral import neutral
from pyrosnn.outputs import find_output
from pyrosnn.results import make_dataset
from pyrosnn.sampling import MEMORY_BUDGET, draw_sample_set
from pyrosnn.settings import checked_arguments
from pyrosnn.shapes import ImagesLike, LabelsLike
from pyrosnn.statistics import require_alpha


@checked_arguments
@neutral
def certify(
    classifier: StochasticClassifier,
    x: ImagesLike,
    y: LabelsLike,
    *,
    certificates: Sequence[str] | None = None,
    num_samples: int = 10_000,
    selection_samples: int = 100,
    alpha: float = 0.001,
    distances: Sequence[float] = (),
    inference_samples: int = 100,
    seed: int = 0,
    block: int = 0,
    first_example: int = 0,
    memory_budget: int = MEMORY_BUDGET,
) -> xr.Dataset:
    r"""Certify images of a classifier that is averaged over Gaussian noise on the image.

    The classifier is $\mathbb E f(x + \varepsilon, \theta)$ over noise ε and all else that is
    random, θ. A sample set chooses a class for each image, and another, which took no part in
    that, certifies it: in ℓ2 balls of the radius no δ changes the class. Each radius is too
    large with probability α at most. Classes that are compared with all others share α.

    The unit is a joint draw (θ, ε). A :class:`Smoothed` classifier with several noises for each
    θ is certified with one, because those that share θ are not independent; its expectation is
    the same.

    Args:
        classifier: the classifier. Scores must lie in [0, 1] for all certificates but those of
            votes.
        x: images, shape (example, *image): a tensor, an array or nested lists.
        y: labels, shape (example,), likewise.
        certificates: names in ``CERTIFICATES``; None for all that the classifier allows.
        num_samples: draws that certify, at least one for each image.
        selection_samples: draws that choose the class.
        alpha: α, of each image and certificate.
        distances: lengths of δ at which finite inference sets are bounded, in pixel units.
        inference_samples: S_I, the size of these sets.
        seed: root seed.
        block: counter of the block of images.
        first_example: index of the first image in its data set, for the coordinate.
        memory_budget: bytes that the samples and their evaluation may take.

    Returns:
        A dataset with the variables of the group ``certificates``: ``certified_radius`` and
        ``certified_class`` over example and certificate (NaN and the chosen class where a
        certificate abstains), ``vote_bound``, ``own_correct`` and ``noise_scale``; with
        distances and scores in [0, 1], ``inference_bound`` over example and distance.

    Raises:
        NotSmoothedError: for a classifier without Gaussian noise on the image, and for
            certificates of a mean of logits.
        ArgumentError: for bad images or labels, or fewer draws than images.
        UnknownNameError: for an unknown certificate.
        NotFiniteError: for logits that are NaN or infinite.

    References:
        Votes: Cohen, Rosenfeld and Kolter (2019). Means: A. Kumar et al. (2020).

    Example:
        >>> import pyrosnn
        >>> from pyrosnn.models.smoothed import Smoothed
        >>> digits = pyrosnn.load_dataset("digits")
        >>> bnn = pyrosnn.train(pyrosnn.preset("bnn", epochs=5), digits)
        >>> x, y = digits.test_images(10)
        >>> values = certify(Smoothed(bnn, variance=0.1), x, y, num_samples=500)
        >>> values["certified_radius"].sel(certificate="votes").dims
        ('example',)
    """
    require_alpha(alpha)
    require(selection_samples >= 1, f"selection_samples must be >= 1, got {selection_samples}")
    names = _names(classifier, certificates)
    scale = input_variance(classifier) ** 0.5
    x, y = batch_for(classifier, x, y, move=True)
    require(
        num_samples >= max(2, len(x)),
        f"num_samples must be >= {max(2, len(x))}, one for each image, got {num_samples}",
    )
    single = joint_draws(classifier)
    selecting, certifying = (
        draw_sample_set(
            single,
            x,
            number,
            seed=seed,
            stream=stream,
            block=block,
            memory_budget=memory_budget,
        )
        for number, stream in ((selection_samples, SELECTION), (num_samples, CERTIFICATION))
    )
    by_votes, by_mean = choose_classes(single, x, selecting)
    of_scores = tally_of(single, x, by_mean, certifying)
    of_votes = of_scores.voting_for(by_votes)
    tallies = [of_scores if CERTIFICATES[name].of_scores else of_votes for name in names]
    labels = y.cpu().numpy()
    radii = [find_certificate(n)(tally, alpha) for n, tally in zip(names, tallies, strict=True)]
    values = {
        "certified_radius": scale * np.stack(radii, axis=-1),
        "certified_class": np.stack([tally.chosen for tally in tallies], axis=-1),
        "vote_bound": np.where(of_votes.chosen == labels, vote_bound(of_votes, alpha), 0.0),
        "own_correct": of_votes.own_class.cpu().numpy() == labels,
        "noise_scale": np.array(scale),
    }
    coords = {
        "example": np.arange(first_example, first_example + len(x)),
        "label": labels,
        "certificate": names,
    }
    if len(distances) > 0 and of_scores.bounded:
        values["inference_bound"] = _inference_bounds(
            of_scores, labels, alpha, np.asarray(distances) / scale, inference_samples
        )
        coords["distance"] = np.asarray(distances, dtype=np.float64)
    return make_dataset(values, coords)


def _names(classifier: StochasticClassifier, certificates: Sequence[str] | None) -> list[str]:
    """Return the certificates, by default all that the classifier's scores allow."""
    bounded = find_output(classifier.output).bounded
    if certificates is None:
        return [name for name, row in CERTIFICATES.items() if bounded or not row.of_scores]
    require(len(certificates) > 0, "got no certificates; expected at least one")
    for name in certificates:
        find_certificate(name)
        if CERTIFICATES[name].of_scores and not bounded:
            raise NotSmoothedError(
                f"the certificate '{name}' needs scores in [0, 1], those of the classifier are "
                f"{classifier.output}: draws do not show how large they get; certify votes, or "
                "build the classifier with output='probs'"
            )
    return list(certificates)


def _inference_bounds(
    tally: Tally, labels: np.ndarray, alpha: float, distances: np.ndarray, number: int
) -> np.ndarray:
    """Return lower bounds of the probability that S_I draws are right, shape (example, distance).

    They hold for all distances at once, with probability 1 - α.
    """
    bounds = MarginBounds(tally, alpha)
    right = tally.chosen == labels
    others = np.arange(tally.votes.shape[1]) != tally.chosen[:, None]
    at = [bounds.at(t)[others].reshape(len(labels), -1) for t in distances]
    return np.stack([np.where(right, finite_mean(m, number), 0.0) for m in at], axis=-1)
