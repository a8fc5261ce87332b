"""The evaluation of an attack: images attacked with A, judged with I, as labelled arrays."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from pyrosnn.attacks import Attack, AttackFunction, AttackResult, as_attack
from pyrosnn.conditions import (
    Geometry,
    Line,
    Linearization,
    geometries,
    interval_radii,
    linear_condition,
    linearize,
    require_judgeable,
    smooth_condition,
)
from pyrosnn.data.bounds import check_bounds, require_within
from pyrosnn.errors import NoGradientError, NotSmoothedError, PyrosnnWarning, require
from pyrosnn.evaluation.attack_lines import attack_lines
from pyrosnn.evaluation.grid import SIZE, STRENGTH, Numbers, Sizes, listed
from pyrosnn.evaluation.strengths import warn_of_strengths
from pyrosnn.models.batch import batch_for
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.input_noise import input_variance
from pyrosnn.neutral import neutral
from pyrosnn.outputs import find_output
from pyrosnn.results import combine, make_dataset
from pyrosnn.sampling import (
    MEMORY_BUDGET,
    SampleSet,
    draw_sample_set,
    predict,
    require_disjoint,
)
from pyrosnn.settings import checked_arguments
from pyrosnn.shapes import ImagesLike, LabelsLike

NO_GRADIENTS = (
    "the classifier has no gradients: its result has accuracies, but neither cosines, radii and "
    "margins (they are NaN) nor the conditions that need them"
)


@checked_arguments
@neutral
def evaluate(
    classifier: StochasticClassifier,
    x: ImagesLike,
    y: LabelsLike,
    *,
    attack: Attack | AttackFunction,
    attack_samples: SampleSet,
    inference_samples: SampleSet,
    strengths: Numbers | None = None,
    attack_sizes: Sizes | None = None,
    inference_sizes: Sizes | None = None,
    smoothness: Numbers = (),
    judged_bounds: tuple[float, float] | None = None,
    first_example: int = 0,
) -> xr.Dataset:
    """Attack images with the samples of A and judge them with the samples of I.

    Args:
        classifier: the classifier.
        x: images, shape (example, *image): a tensor, an array or nested lists.
        y: labels, shape (example,), likewise.
        attack: the attack's settings, or a function from a module of the mean prediction, images,
            labels and a strength to attacked images (in ℓ2; :class:`pyrosnn.ExternalAttack` has
            the other norms). It is given ``attack_samples`` alone. The images must lie within
            its ``clip``.
        attack_samples: A.
        inference_samples: I, disjoint from A.
        strengths: strengths η to run the attack at; by default the attack's own.
        attack_sizes: S_A, by default the size of A; smaller sets are the first samples of A.
        inference_sizes: S_I, by default the size of I; smaller sets are the first samples of I.
        smoothness: constants L of the differences f_y - f_c, for the smooth condition.
        judged_bounds: smallest and largest pixel of the attacked images that I judges, None for
            no clipping; the images must lie within. δ, and with it all geometry and conditions,
            stays as the attack made it; an attack that knows the bounds has them as its ``clip``.
        first_example: index of the first image in its data set, for the coordinate.

    Returns:
        A dataset with the variables of ``pyrosnn.results.VARIABLES`` over the dimensions
        example, strength, attack_samples and inference_samples (the sets' sizes) and, for the
        smooth condition, smoothness. A classifier in [0, 1] that is averaged over Gaussian noise
        on the image also has the interval condition, and the length up to which it holds.

    Raises:
        ArgumentError: for NaN pixels, pixels out of bounds, labels out of range, negative
            strengths, sizes beyond a set's, sample sets that were drawn for other images, or a
            function that does not return images within the strength.
        NotFiniteError: for logits, gradients or δ that are NaN or infinite, at x or at x + δ.
        OverlapError: if A and I share samples, naming them.

    Warns:
        PyrosnnWarning: for strengths in another unit than the pixels, and for a classifier
            without gradients: its result has accuracies alone.

    Example:
        >>> import pyrosnn
        >>> digits = pyrosnn.load_dataset("digits")
        >>> bnn = pyrosnn.train(pyrosnn.preset("bnn", epochs=5), digits)
        >>> x, y = digits.test_images(50)
        >>> A, I = pyrosnn.disjoint_sample_sets(bnn, x, attack=10, inference=50, seed=0)
        >>> result = evaluate(
        ...     bnn, x, y, attack=pyrosnn.FGM(strength=0.5), attack_samples=A, inference_samples=I
        ... )
        >>> result["cosine"].dims
        ('example', 'strength', 'attack_samples', 'inference_samples')
    """
    # refused here, before any work
    attack = as_attack(attack, swept=strengths is not None)
    require_disjoint(attack_samples.origin, inference_samples.origin)
    given = [attack.strength] if strengths is None else strengths
    grid = listed("strengths", given, "strength", STRENGTH)
    require(len(grid) >= 1, "got no strengths; expected at least one")
    constants = listed("smoothness", smoothness, "constant of smoothness", STRENGTH)
    x, y = batch_for(classifier, x, y, move=True)
    inference_samples.require_fit(classifier, len(x))
    attack_sets = _prefixes(attack_samples, attack_sizes)
    sizes = [len(part) for part in _prefixes(inference_samples, inference_sizes)]
    if judged_bounds is not None:
        judged_bounds = check_bounds("judged_bounds", judged_bounds)
        require_within(x, judged_bounds, "judged_bounds")
    warn_of_strengths(x, grid, attack)
    attacked_sets = [
        _attack(classifier, x, y, attack, attack_set, grid, judged_bounds)
        for attack_set in attack_sets
    ]
    results = [result for attacked_set in attacked_sets for result in attacked_set.results]
    require_judgeable(classifier, x, results, inference_samples)
    # one pass over I serves all attack sets and all sizes of I
    lines = [line for attacked_set in attacked_sets for line in attacked_set.lines]
    try:
        linearizations = linearize(classifier, x, y, lines, inference_samples, sizes)
    except NoGradientError:
        if constants:  # a condition is asked for
            raise
        warnings.warn(NO_GRADIENTS, PyrosnnWarning, stacklevel=4)
        attacked_sets = [attacked_set.without_slopes() for attacked_set in attacked_sets]
        lines = [line for attacked_set in attacked_sets for line in attacked_set.lines]
        linearizations = linearize(classifier, x, y, lines, inference_samples, sizes)
        seen: list[dict[Line, Geometry]] = [{} for _ in linearizations]
    else:
        correct = {
            line: attacked_set.results[0].correct
            for attacked_set in attacked_sets
            for line in attacked_set.lines
            if line.measured
        }
        seen = geometries(classifier, x, y, correct, linearizations, inference_samples)
    coords = {
        "example": np.arange(first_example, first_example + len(x)),
        "label": y.cpu().numpy(),
        "strength": np.asarray(grid, dtype=np.float64),
        "smoothness": np.asarray(constants, dtype=np.float64),
    }
    variance = _variance(classifier)
    by_attack_set = []
    for attacked_set, attack_set in zip(attacked_sets, attack_sets, strict=True):
        coords["attack_samples"] = np.array([len(attack_set)])
        parts = [
            _label(attacked_set, linearization, along, y, coords, variance, attack.norm)
            for linearization, along in zip(linearizations, seen, strict=True)
        ]
        by_attack_set.append(combine(parts, "inference_samples"))
    return combine(by_attack_set, "attack_samples")


@dataclass(frozen=True, kw_only=True)
class _Attacked:
    """Perturbations from one attack set, and the lines on which they are judged.

    Attributes:
        results: the attack's results, for each strength.
        lines: see :func:`attack_lines`.
    """

    results: list[AttackResult]
    lines: list[Line]

    def without_slopes(self) -> "_Attacked":
        """Return the same with the lines' points alone, for a classifier without gradients."""
        return replace(self, lines=[replace(line, measured=False) for line in self.lines])


def _attack(
    classifier: StochasticClassifier,
    x: Tensor,
    y: Tensor,
    attack: Attack,
    samples: SampleSet,
    strengths: Sequence[float],
    judged_bounds: tuple[float, float] | None,
) -> _Attacked:
    """Run the attack at all strengths."""
    direction = None
    if attack.linear_in_strength:  # the angle does not need a strength
        *results, unit = attack.sweep(classifier, x, y, samples, [*strengths, 1.0])
        direction = unit.perturbation
    else:
        results = attack.sweep(classifier, x, y, samples, strengths)
    lines = attack_lines(x, results, strengths, direction, judged_bounds)
    return _Attacked(results=results, lines=lines)


def _prefixes(samples: SampleSet, sizes: Sizes | None) -> list[SampleSet]:
    """Return the first samples of a set, for each size; None means the whole set."""
    if sizes is None:
        return [samples]
    numbers = listed("sizes of sample sets", sizes, "size", SIZE)
    require(len(numbers) >= 1, "got no sizes of sample sets; expected at least one")
    for size in numbers:
        require(
            1 <= size <= len(samples),
            f"sizes must be in 1 … {len(samples)}, the samples of the set, got {size}",
        )
    return [samples[:size] for size in numbers]


def _label(
    attacked: _Attacked,
    linearization: Linearization,
    along: Mapping[Line, Geometry],
    y: Tensor,
    coords: Mapping[str, np.ndarray],
    variance: float | None,
    norm: str,
) -> xr.Dataset:
    """Label the measurements of one inference set on the perturbations of one attack set."""
    results = attacked.results
    geometries = [along[line] for line in attacked.lines if line.measured]
    if len(geometries) < len(results):
        geometries = geometries * len(results)
    predicted = [label for line in attacked.lines for label in linearization.predicted[line]]
    pairs = list(zip(geometries, results, strict=False))  # without gradients there are no pairs
    over_strengths = {
        "adversarial_correct": [label == y for label in predicted],
        "predicted_class": predicted,
    }
    for name in ("cosine", "radius", "margin", "gradient_norm"):
        unknown = [torch.full_like(r.norm, torch.nan) for r in results]
        over_strengths[name] = [getattr(g, name) for g in geometries] or unknown
    if geometries:
        # along no direction there is no distance
        over_strengths["radius"] = [g.radius.masked_fill(r.unmoved, torch.nan) for g, r in pairs]
        over_strengths["linear_condition"] = [linear_condition(g, r) for g, r in pairs]
        over_strengths["nearest_class"] = [g.nearest for g in geometries]
    if geometries and variance is not None:
        radii = {id(g): interval_radii(g, variance).amin(-1) for g in geometries}
        along_attack = [radii[id(g)] for g in geometries]
        over_strengths["interval_radius"] = along_attack
        over_strengths["interval_condition"] = [
            g.correct & (radius > result.length.double())
            for (g, result), radius in zip(pairs, along_attack, strict=True)
        ]
    values = {name: _array(value)[:, :, None, None] for name, value in over_strengths.items()}
    values["perturbation_norm"] = _array([r.norm for r in results])[:, :, None]
    if norm != "l2":
        values["perturbation_length"] = _array([r.length for r in results])[:, :, None]
    values["zero_gradient"] = _array([r.zero_gradient for r in results])[:, :, None]
    values["num_gradients"] = np.array([[result.num_gradients] for result in results])
    values["attack_correct"] = _array([results[0].correct])
    values["clean_correct"] = _array([linearization.discriminants.argmax(-1) == y])
    labels = {name: value for name, value in coords.items() if len(value) > 0}
    if "smoothness" in labels:
        held = [
            _array([smooth_condition(g, result, float(constant)) for g, result in pairs])
            for constant in labels["smoothness"]
        ]
        values["smooth_condition"] = np.stack(held, axis=-1)[:, :, None, None, :]
    labels["inference_samples"] = np.array([linearization.num_samples])
    return make_dataset(values, labels)


def _variance(classifier: StochasticClassifier) -> float | None:
    """Return the variance of the noise that the interval condition needs, None without it."""
    if not find_output(classifier.output).bounded:
        return None
    try:
        return input_variance(classifier)
    except NotSmoothedError:
        return None


def _array(per_strength: list[Tensor]) -> np.ndarray:
    """Stack one tensor per strength, shape (example, strength)."""
    values = torch.stack(per_strength, dim=1).cpu()
    if values.dtype == torch.bfloat16:  # which numpy does not have
        values = values.float()
    stacked: np.ndarray = values.numpy()
    return stacked


@checked_arguments
@neutral
def accuracy(
    classifier: StochasticClassifier,
    x: ImagesLike,
    y: LabelsLike,
    *,
    num_samples: int = 100,
    seed: int = 0,
    repeat: int = 0,
    block_size: int = 500,
    memory_budget: int = MEMORY_BUDGET,
) -> float:
    """Return the share of images that the mean prediction classifies correctly.

    Each block of images gets fresh samples.

    Args:
        classifier: the classifier.
        x: images, shape (example, *image).
        y: labels, shape (example,).
        num_samples: samples that a prediction averages.
        seed: root seed.
        repeat: counter of the repetition.
        block_size: images in a block.
        memory_budget: bytes that the samples and their evaluation may take.
    """
    x, y = batch_for(classifier, x, y, move=True)
    require(block_size >= 1, f"block_size must be >= 1, got {block_size}")
    correct = 0
    for block, (images, labels) in enumerate(
        zip(x.split(block_size), y.split(block_size), strict=True)
    ):
        samples = draw_sample_set(
            classifier,
            images,
            num_samples,
            seed=seed,
            stream="accuracy",
            repeat=repeat,
            block=block,
            memory_budget=memory_budget,
        )
        correct += int((predict(classifier, images, samples).predicted == labels).sum())
    return correct / len(x)
