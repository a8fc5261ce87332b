r"""Moments of the single-sample gradients of an attack and of the condition it meets.

One sample's gradient $g_s$ has a mean μ and a covariance Σ; the mean of S of them has Σ / S. What
a number of samples does to an attack follows from a few inner products of these, which are summed
here over single samples. Samples are in groups: without one group at a time every number
that is derived from the moments gets a standard error, and means of different groups, which are
independent, give unbiased products.
"""

from collections.abc import Callable

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from pyrosnn.attacks import Attack, loss_gradient
from pyrosnn.attacks.norms import unit
from pyrosnn.attacks.problem import Problem
from pyrosnn.conditions import Line, first_order, linearize
from pyrosnn.errors import require
from pyrosnn.evaluation.inference_sets import inference_sets
from pyrosnn.evaluation.products import Products
from pyrosnn.evaluation.resampling import Resampling
from pyrosnn.models.batch import batch_for
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.neutral import neutral
from pyrosnn.outputs import discriminants_of
from pyrosnn.results import make_dataset
from pyrosnn.sampling import (
    MEMORY_BUDGET,
    AfterTrunk,
    DifferentiableChunk,
    SampleSet,
    ScaledSum,
    draw_sample_set,
    predict,
    replay,
)
from pyrosnn.sampling.replay import GRADIENTS, require_finite
from pyrosnn.settings import checked_arguments
from pyrosnn.shapes import ImagesLike, LabelsLike

NUM_GROUPS = 20
PAIRS = NUM_GROUPS // 2
# The first samples, kept in memory if they take at most a quarter of its budget. They decide what
# the gradients of all samples have in common.
LEADING = 500
TOGETHER = 10  # samples whose gradients are summed at once, where no subset ends between them
MOST_INFERENCE = 1000  # samples in all inference sets together


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
    r"""Measure how an attack's direction depends on the number of its samples.

    ``resampled_cosine`` are the cosines that an evaluation would measure, of attack sets of many
    sizes up to all single samples, with inference sets of other samples: for the class
    $j = \arg\min_c \tilde r_c$ of each pair of sets. That is exact where the attack's gradient is a
    sum over samples up to a positive factor (cross-entropy of mean probabilities:
    $\nabla \bar p_y$; mean loss; margin). Of the cross-entropy of mean logits, and where labels or
    runner-up depend on the samples, what the first 500 samples say is kept for all sets.

    The moments are of two gradients of each sample: ``attack``, its share in the gradient of the
    attack's loss, and ``condition``, $-\nabla(f_y - f_j)$ with one class j: the one whose boundary
    the attack with the first 500 samples meets first. All squares and products are unbiased, their
    signs kept.

    Args:
        classifier: the classifier.
        x: images, shape (example, *image).
        y: labels, shape (example,).
        attack: a single step along the gradient, in any norm, such as ``attack.one_step`` of PGD.
        num_samples: S, single samples of a stream of their own.
        inference_samples: S_I of the resampled cosines; a quarter of ``num_samples`` at most, and
            500.
        seed: root seed.
        block: counter of the block of images.
        first_example: index of the first image in its data set, for the coordinate.
        memory_budget: bytes that the samples and their evaluation may take.

    Returns:
        A dataset with the variables of the group ``moments``.

    Raises:
        ArgumentError: for bad images or labels, an attack with more than one step or without a
            gradient, or too few samples.

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
    require(inference_samples >= 1, f"inference_samples must be >= 1, got {inference_samples}")
    require(
        has_growth(attack),
        f"the moments are those of a single step along the gradient (fgm), got {attack!r}; give "
        "its one_step, if that is one",
    )
    x, y = batch_for(classifier, x, y, move=True)

    def draw(number: int, stream: str) -> SampleSet:
        return draw_sample_set(
            classifier,
            x,
            number,
            seed=seed,
            stream=stream,
            block=block,
            memory_budget=memory_budget,
        )

    samples = draw(num_samples, "moments")
    leading = draw(min(LEADING, num_samples), "moments")
    size_i, num_sets = _division(inference_samples, num_samples)
    sets = inference_sets(classifier, x, y, draw(size_i * num_sets, "moments-inference"), size_i)
    f = discriminants_of(classifier.output)
    of, labels = attack.maximised, attack.attacked_labels(classifier, x, y, leading)
    nearest = _nearest_class(classifier, x, y, attack, labels, leading)
    mean = predict(classifier, x, leading)
    counts = np.bincount(np.arange(num_samples) % NUM_GROUPS)
    resampling = Resampling(x, counts, sets, _step_of(attack, classifier, x, labels, leading))
    condition = torch.zeros_like(resampling.sums)
    products = Products(len(x), NUM_GROUPS)
    images = AfterTrunk(classifier, x, memory_budget)
    for theta in samples.chunks(TOGETHER, resampling.stops()):
        both = [ScaledSum(images), ScaledSum(images)]
        for chunk in replay(classifier, len(x), theta):
            part = DifferentiableChunk(chunk, images)
            share = of.average.cotangents(of.row, part.logits, labels, mean)
            both[0].add(part, len(leading) * share)
            both[1].add(part, -f.margin_cotangent(part.logits, y, nearest))
        attack_sum, condition_sum = (total.exact for total in both)
        group = resampling.add(attack_sum, len(theta))
        condition[group] += condition_sum
        products.add(group, torch.stack([attack_sum, condition_sum]).flatten(2), len(theta))
    require_finite(torch.from_numpy(products.within).movedim(-1, 0), GRADIENTS)
    sums = torch.stack([resampling.sums, condition]).flatten(3)
    grams = torch.einsum("ignd,jhnd->ijngh", sums, sums)
    sizes, cosines = resampling.values()
    values = {**estimate(grams.cpu().numpy(), products, counts), **cosines}
    values["nearest"] = nearest.cpu().numpy()
    coords = {
        "example": np.arange(first_example, first_example + len(x)),
        "label": y.cpu().numpy(),
        "direction": ["attack", "condition"],
        "fold": np.arange(NUM_GROUPS),
        "subset": sizes,
        "resampled_inference": float(size_i),
    }
    return make_dataset(values, coords)


def has_growth(attack: Attack) -> bool:
    """Whether :func:`attack_moments` can say how an attack grows with its samples."""
    return attack.is_linear and attack.follows_gradient


def _division(inference_samples: int, num_samples: int) -> tuple[int, int]:
    """Return the size and the number of inference sets."""
    most = min(num_samples // 2, MOST_INFERENCE)
    size = min(inference_samples, most // 2)
    return size, min(most // size, NUM_GROUPS)


def _step_of(
    attack: Attack, classifier: StochasticClassifier, x: Tensor, labels: Tensor, samples: SampleSet
) -> Callable[[Tensor], Tensor]:
    """Return the attack's step as a function of the gradient alone."""
    problem = Problem(
        classifier=classifier,
        x=x,
        labels=labels,
        samples=samples,
        maximised=attack.maximised,
        norm=attack.norms[attack.norm],
        clip=attack.clip,
    )
    strength = attack.strength or 1.0  # no step has no direction

    def step(gradient: Tensor) -> Tensor:
        return problem.clipped(strength * problem.norm.steepest(problem.inward(gradient)))

    return step


def _nearest_class(
    classifier: StochasticClassifier,
    x: Tensor,
    y: Tensor,
    attack: Attack,
    labels: Tensor,
    samples: SampleSet,
) -> Tensor:
    """Return the class whose boundary the attack on these samples meets first."""
    of = attack.maximised
    gradient = loss_gradient(classifier, x, labels, samples, loss=of.loss, gradient=of.gradient)
    line = Line(direction=unit(gradient.direction))
    (linearization,) = linearize(classifier, x, y, [line], samples, [len(samples)])
    return first_order(y, linearization, line, gradient.correct).nearest


def estimate(grams: np.ndarray, products: Products, counts: np.ndarray) -> dict[str, np.ndarray]:
    """Return all moments of all images; the first groups get the remaining samples.

    Args:
        grams: inner products of the groups' sums, shape (2, 2, example, group, group).
        products: inner products within units of samples.
        counts: samples of each group.
    """
    every = np.arange(NUM_GROUPS)
    moments = dict(zip(NAMES, products.moments(grams, counts, every), strict=True))
    without = [
        products.moments(grams, counts, np.delete(every, fold)) for fold in range(NUM_GROUPS)
    ]
    for name, folds in zip(NAMES, zip(*without, strict=True), strict=True):
        moments[f"{name}_without"] = np.stack(folds, axis=-1)
    return {**moments, **_second_moments(grams, counts)}


NAMES = ("direction_square", "direction_trace", "direction_product")


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
