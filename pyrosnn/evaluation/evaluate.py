"""Attack a block of images with A, judge them with I, return labelled arrays."""

from collections.abc import Sequence

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float, Int
from torch import Tensor

from pyrosnn.attacks import Attack, AttackResult
from pyrosnn.conditions import Geometry, attack_geometry, linear_condition, smooth_condition
from pyrosnn.data.dataset import check_batch
from pyrosnn.errors import require
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.outputs import predicted_class
from pyrosnn.results import make_dataset
from pyrosnn.sampling import SampleSet, draw_sample_set, replay_logits, require_disjoint


def evaluate(
    classifier: StochasticClassifier,
    x: Float[Tensor, "example *image"],
    y: Int[Tensor, " example"],
    *,
    attack: Attack,
    attack_samples: SampleSet,
    inference_samples: SampleSet,
    strengths: Sequence[float] | None = None,
    smoothness: float | None = None,
    first_example: int = 0,
) -> xr.Dataset:
    """Attack images with the samples of A and judge them with the samples of I.

    Args:
        classifier: the classifier.
        x: images, shape (example, *image).
        y: labels, shape (example,).
        attack: the attack's settings; it is given ``attack_samples`` alone.
        attack_samples: A.
        inference_samples: I, disjoint from A.
        strengths: strengths η to run the attack at; by default the attack's own.
        smoothness: L of the differences f_y - f_c, for the smooth condition; None leaves it out.
        first_example: index of the first image in its data set, for the coordinate.

    Returns:
        A dataset with the variables of ``pyrosnn.results.VARIABLES`` over the dimensions
        example, strength, attack_samples and inference_samples (each sample dimension has the
        set's size as its one coordinate).

    Raises:
        ArgumentError: for NaN pixels, labels out of range, negative strengths, or sample sets
            that were drawn for other images.
        OverlapError: if A and I share samples, naming them.

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
    # refused here, before any work; the attack and the conditions check again on their own
    require_disjoint(attack_samples.origin, inference_samples.origin)
    grid = [attack.strength] if strengths is None else list(strengths)
    require(len(grid) >= 1, "got no strengths; expected at least one")
    require(len(set(grid)) == len(grid), f"got a strength twice in {grid}")
    inference_samples.require_fit(classifier, len(x))
    x, y = x.to(classifier.device), y.to(classifier.device)
    results = attack.sweep(classifier, x, y, attack_samples, grid)
    geometries = _geometries(classifier, x, y, attack, results, attack_samples, inference_samples)

    def judged(images: Tensor) -> Tensor:
        logits = replay_logits(classifier, images, inference_samples)
        return predicted_class(logits, classifier.output) == y

    over_strengths = {
        "adversarial_correct": [judged(x + result.perturbation) for result in results],
        "linear_condition": [
            linear_condition(g, result) for g, result in zip(geometries, results, strict=True)
        ],
        "cosine": [g.cosine for g in geometries],
        "radius": [g.radius for g in geometries],
        "margin": [g.margin for g in geometries],
        "gradient_norm": [g.gradient_norm for g in geometries],
        "nearest_class": [g.nearest for g in geometries],
    }
    if smoothness is not None:
        over_strengths["smooth_condition"] = [
            smooth_condition(g, result, smoothness)
            for g, result in zip(geometries, results, strict=True)
        ]
    values = {name: _array(value)[:, :, None, None] for name, value in over_strengths.items()}
    values["perturbation_norm"] = _array([r.norm for r in results])[:, :, None]
    values["zero_gradient"] = _array([results[0].zero_gradient])
    values["attack_correct"] = _array([results[0].correct])
    values["clean_correct"] = _array([geometries[0].correct_inference])
    coords = {
        "example": np.arange(first_example, first_example + len(x)),
        "label": y.cpu().numpy(),
        "strength": np.asarray(grid, dtype=np.float64),
        "attack_samples": [len(attack_samples)],
        "inference_samples": [len(inference_samples)],
    }
    return make_dataset(values, coords)


def _geometries(
    classifier: StochasticClassifier,
    x: Tensor,
    y: Tensor,
    attack: Attack,
    results: list[AttackResult],
    attack_samples: SampleSet,
    inference_samples: SampleSet,
) -> list[Geometry]:
    """Measure each perturbation; once for all strengths where they share their direction."""
    if not attack.linear_in_strength:
        return [attack_geometry(classifier, x, y, r, inference_samples) for r in results]
    strongest = max(results, key=lambda result: float(result.norm.max()))
    if float(strongest.norm.max()) == 0.0:  # only strength 0 was asked for
        strongest = attack.sweep(classifier, x, y, attack_samples, [1.0])[0]
    return [attack_geometry(classifier, x, y, strongest, inference_samples)] * len(results)


def _array(per_strength: list[Tensor]) -> np.ndarray:
    """Stack one tensor a strength as (example, strength)."""
    stacked: np.ndarray = torch.stack(per_strength, dim=1).cpu().numpy()
    return stacked


def accuracy(
    classifier: StochasticClassifier,
    x: Float[Tensor, "example *image"],
    y: Int[Tensor, " example"],
    *,
    num_samples: int = 100,
    seed: int = 0,
    block_size: int = 500,
) -> float:
    """Return the share of images that the mean prediction classifies correctly.

    Each block of images gets fresh samples.

    Args:
        classifier: the classifier.
        x: images, shape (example, *image).
        y: labels, shape (example,).
        num_samples: samples that a prediction averages.
        seed: root seed.
        block_size: images in a block.
    """
    check_batch(
        x,
        y,
        num_classes=classifier.num_classes,
        image_shape=classifier.image_shape,
        dtype=classifier.dtype,
    )
    require(block_size >= 1, f"block_size must be >= 1, got {block_size}")
    correct = 0
    for block, (images, labels) in enumerate(
        zip(x.split(block_size), y.split(block_size), strict=True)
    ):
        images, labels = images.to(classifier.device), labels.to(classifier.device)
        samples = draw_sample_set(
            classifier, images, num_samples, seed=seed, stream="accuracy", block=block
        )
        logits = replay_logits(classifier, images, samples)
        correct += int((predicted_class(logits, classifier.output) == labels).sum())
    return correct / len(x)
