r"""Moments of the single-sample gradients of an attack and of the condition it meets.

One sample's gradient $g_s$ has a mean μ and a covariance Σ; the mean of S of them has Σ / S. What
a number of samples does to an attack follows from a few inner products of these, which are summed
here over single samples. Samples are in groups: without one group at a time every number
that is derived from the moments gets a standard error, and means of different groups, which are
independent, give unbiased products.
"""

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from pyrosnn.attacks import Attack, loss_gradient
from pyrosnn.attacks.norms import unit
from pyrosnn.conditions import Line, first_order, linearize
from pyrosnn.errors import require
from pyrosnn.evaluation.moments import evaluate_sample, sample_gradient
from pyrosnn.evaluation.resampling import SubsetDirections, resample, resampled_sizes
from pyrosnn.models.batch import batch_for
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.neutral import neutral
from pyrosnn.outputs import discriminants_of
from pyrosnn.results import make_dataset
from pyrosnn.sampling import MEMORY_BUDGET, AfterTrunk, SampleSet, draw_sample_set, predict
from pyrosnn.sampling.replay import GRADIENTS, require_finite
from pyrosnn.settings import checked_arguments
from pyrosnn.shapes import ImagesLike, LabelsLike

NUM_GROUPS = 20
PAIRS = NUM_GROUPS // 2


@checked_arguments
@neutral
def attack_moments(
    classifier: StochasticClassifier,
    x: ImagesLike,
    y: LabelsLike,
    *,
    attack: Attack,
    num_samples: int = 200,
    inference_samples: int = 100,
    seed: int = 0,
    block: int = 0,
    first_example: int = 0,
    memory_budget: int = MEMORY_BUDGET,
) -> xr.Dataset:
    r"""Measure the moments that determine how an attack's direction depends on its samples.

    Two gradients of each sample are followed: ``attack``, its share in the gradient of the
    attack's loss, and ``condition``, $-\nabla(f_y - f_j)$ with the class j whose boundary the
    attack meets first when it has all samples. All squares and products are unbiased, their
    signs kept.

    What small sets reach is not a matter of second moments where single gradients are
    heavy-tailed: ``resampled_cosine`` are mean cosines of disjoint subsets of these samples. That
    is exact where the attack's gradient is a sum over samples up to a positive factor
    (cross-entropy of mean probabilities: $\nabla \bar p_y$; mean loss; margin). Of the
    cross-entropy of mean logits, and where labels or runner-up depend on the samples, what all
    samples say is kept for the small sets, too; so is the class j.

    Args:
        classifier: the classifier.
        x: images, shape (example, *image).
        y: labels, shape (example,).
        attack: whose loss, gradient and labels are taken; its norm must be l2, whose direction is
            the gradient's.
        num_samples: S, single samples of a stream of their own.
        inference_samples: S_I of the resampled cosines; as near as ``num_samples`` allows.
        seed: root seed.
        block: counter of the block of images.
        first_example: index of the first image in its data set, for the coordinate.
        memory_budget: bytes that the samples and their evaluation may take.

    Returns:
        A dataset with the variables of the group ``moments``.

    Raises:
        ArgumentError: for bad images or labels, another norm, or fewer than 40 samples.

    References:
        Däubener & Fischer 2022, section 4.2; the noise scale tr Σ / ‖μ‖² is that of S. McCandlish
        et al., An empirical model of large-batch training, 2018, for inputs instead of weights.

    Example:
        >>> import pyrosnn
        >>> digits = pyrosnn.load_dataset("digits")
        >>> bnn = pyrosnn.train(pyrosnn.preset("bnn", epochs=5), digits)
        >>> x, y = digits.test_images(20)
        >>> found = attack_moments(bnn, x, y, attack=pyrosnn.FGM(), num_samples=40)
        >>> found["direction_trace"].dims
        ('example', 'direction')
    """
    require(
        num_samples >= 2 * NUM_GROUPS,
        f"num_samples must be >= {2 * NUM_GROUPS}, got {num_samples}",
    )
    require(
        attack.norm == "l2",
        f"the moments are those of an l2 attack, whose direction is the gradient's, got the norm "
        f"'{attack.norm}'",
    )
    x, y = batch_for(classifier, x, y, move=True)
    samples = draw_sample_set(
        classifier,
        x,
        num_samples,
        seed=seed,
        stream="moments",
        block=block,
        memory_budget=memory_budget,
    )
    f = discriminants_of(classifier.output)
    of, labels = attack.maximised, attack.attacked_labels(classifier, x, y, samples)
    nearest = _nearest_class(classifier, x, y, attack, labels, samples)
    mean = predict(classifier, x, samples)
    sums = torch.zeros((2, NUM_GROUPS, *x.shape), dtype=torch.float64, device=x.device)
    products = torch.zeros((2, 2, NUM_GROUPS, len(x)), dtype=torch.float64, device=x.device)
    counts = np.bincount(np.arange(num_samples) % NUM_GROUPS)
    subsets = SubsetDirections(x, counts)
    places = ((group, index) for group, count in enumerate(counts) for index in range(count))
    images = AfterTrunk(classifier, x, memory_budget)
    for (group, index), theta in zip(places, samples.chunks(1), strict=True):
        single = evaluate_sample(classifier, images, theta)
        share = of.average.cotangents(of.row, single.logits, labels, mean)
        margin = f.margin_cotangent(single.logits, y, nearest)
        both = torch.stack(
            [
                sample_gradient(images, single, num_samples * share),
                sample_gradient(images, single, -margin),
            ]
        )
        sums[:, group] += both
        subsets.add(group, index, both[0])
        flat = both.flatten(2)
        products[:, :, group] += torch.einsum("ind,jnd->ijn", flat, flat)
    require_finite(products.movedim(-1, 0), GRADIENTS)
    grams = torch.einsum("ignd,jhnd->ijngh", sums.flatten(3), sums.flatten(3))
    directions = torch.einsum("sgnd,hnd->sngh", subsets.sums.flatten(3), sums[1].flatten(2))
    values = estimate(grams.cpu().numpy(), products.cpu().numpy(), num_samples)
    values |= resample(
        grams.cpu().numpy(),
        directions.cpu().numpy(),
        subsets.counts.cpu().numpy(),
        counts,
        inference_samples,
    )
    values["nearest"] = nearest.cpu().numpy()
    sizes, size_i = resampled_sizes(subsets.sizes, counts, inference_samples)
    coords = {
        "example": np.arange(first_example, first_example + len(x)),
        "label": y.cpu().numpy(),
        "direction": ["attack", "condition"],
        "fold": np.arange(NUM_GROUPS),
        "subset": sizes,
        "resampled_inference": size_i,
    }
    return make_dataset(values, coords)


def _nearest_class(
    classifier: StochasticClassifier,
    x: Tensor,
    y: Tensor,
    attack: Attack,
    labels: Tensor,
    samples: SampleSet,
) -> Tensor:
    """Return the class whose boundary the attack on all samples meets first."""
    of = attack.maximised
    gradient = loss_gradient(classifier, x, labels, samples, loss=of.loss, gradient=of.gradient)
    line = Line(direction=unit(gradient.direction))
    (linearization,) = linearize(classifier, x, y, [line], samples, [len(samples)])
    return first_order(y, linearization, line, gradient.correct).nearest


def estimate(grams: np.ndarray, products: np.ndarray, num_samples: int) -> dict[str, np.ndarray]:
    """Return all moments of all images; the first groups get the remaining samples.

    Args:
        grams: inner products of the groups' sums, shape (2, 2, example, group, group).
        products: sums over each group's samples of inner products, shape (2, 2, group, example).
        num_samples: samples in all groups.
    """
    counts = np.bincount(np.arange(num_samples) % NUM_GROUPS)
    moments = dict(zip(NAMES, _moments(grams, products, counts), strict=True))
    without = []
    for fold in range(NUM_GROUPS):
        kept = np.delete(np.arange(NUM_GROUPS), fold)
        part = grams[..., kept, :][..., kept], products[:, :, kept], counts[kept]
        without.append(_moments(*part))
    for name, folds in zip(NAMES, zip(*without, strict=True), strict=True):
        moments[f"{name}_without"] = np.stack(folds, axis=-1)
    return {**moments, **_second_moments(grams, counts)}


NAMES = ("direction_square", "direction_trace", "direction_product")


def _moments(
    grams: np.ndarray, products: np.ndarray, counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Return unbiased ‖μ‖², tr Σ (example, direction) and ⟨μ_a, μ_c⟩ (example)."""
    number = counts.sum()
    plugin = grams.sum((-2, -1)) / number**2  # ⟨ḡ_i, ḡ_j⟩
    covariance = (products.sum(2) - number * plugin) / (number - 1)
    unbiased = plugin - covariance / number
    return (
        np.stack([unbiased[0, 0], unbiased[1, 1]], axis=-1),
        np.stack([covariance[0, 0], covariance[1, 1]], axis=-1),
        unbiased[0, 1],
    )


def _second_moments(grams: np.ndarray, counts: np.ndarray) -> dict[str, np.ndarray]:
    r"""Return unbiased tr Σ², μᵀΣμ and μ'ᵀΣμ (μ' of the other direction), for each direction.

    The difference of two groups' means, scaled, is a draw D with covariance Σ and mean 0, and
    $E \langle D_p, D_r \rangle^2 = \operatorname{tr} \Sigma^2$. With means M, M' of other groups,
    $E \langle M, D \rangle \langle M', D \rangle = \mu^\top \Sigma \mu$.
    """
    means = grams / (counts[:, None] * counts)
    even, odd = np.arange(0, NUM_GROUPS, 2), np.arange(1, NUM_GROUPS, 2)
    scale = np.sqrt(1 / counts[even] + 1 / counts[odd])
    # ⟨mean of group g, D_p⟩ for all directions of both: (2, 2, example, group, pair)
    along = (means[..., even] - means[..., odd]) / scale
    trace, same, cross = [], [], []
    for i in (0, 1):
        draws = (along[i, i][:, even] - along[i, i][:, odd]) / scale[:, None]
        upper = np.triu_indices(PAIRS, 1)
        trace.append((draws[:, upper[0], upper[1]] ** 2).mean(-1))
        halves = [_means_of_others(along[j, i]) for j in (0, 1)]  # of direction j, along D of i
        same.append((halves[i][0] * halves[i][1]).mean(-1))
        cross.append((halves[1 - i][0] * halves[i][1]).mean(-1))
    return {
        "trace_of_square": np.stack(trace, axis=-1),
        "quadratic": np.stack(same, axis=-1),
        "cross_quadratic": np.stack(cross, axis=-1),
    }


def _means_of_others(along: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ⟨M, D_p⟩ and ⟨M', D_p⟩ for each pair p: means of two halves of the other pairs.

    Args:
        along: ⟨mean of group g, D_p⟩, shape (example, group, pair).
    """
    first: list[np.ndarray] = []
    second: list[np.ndarray] = []
    for p in range(PAIRS):
        others = [q for q in range(PAIRS) if q != p]
        for half, chosen in ((first, others[0::2]), (second, others[1::2])):
            groups = [g for q in chosen for g in (2 * q, 2 * q + 1)]
            half.append(along[:, groups, p].mean(-1))
    return np.stack(first, -1), np.stack(second, -1)
