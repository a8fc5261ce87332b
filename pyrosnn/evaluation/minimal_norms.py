"""The shortest δ of each image, as fresh samples judge it."""

from typing import Annotated

import numpy as np
import torch
import xarray as xr
from annotated_types import Ge
from torch import Tensor

from pyrosnn.attacks import Attack, AttackResult
from pyrosnn.conditions import require_judgeable
from pyrosnn.errors import require
from pyrosnn.evaluation.grid import Numbers, listed
from pyrosnn.models.batch import batch_for
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.neutral import neutral
from pyrosnn.results import make_dataset
from pyrosnn.sampling import SampleSet, predict_again, require_disjoint
from pyrosnn.settings import checked_arguments, kind_of
from pyrosnn.shapes import ImagesLike, LabelsLike

FACTORS = (1.0, 1.05, 1.1)
FACTOR = kind_of(Annotated[float, Ge(0)])


@checked_arguments
@neutral
def minimal_norms(
    classifier: StochasticClassifier,
    x: ImagesLike,
    y: LabelsLike,
    *,
    attack: Attack,
    attack_samples: SampleSet,
    inference_samples: SampleSet,
    factors: Numbers = FACTORS,
    first_example: int = 0,
) -> xr.Dataset:
    """Find the shortest δ of each image with A and V, and let I judge its norm.

    The attack stops where its own samples are wrong for the first time, so that its norms are too
    short for others: on I about half of its δ fail. Each δ is therefore tried at a few multiples
    of its length, and the first that I misclassifies counts.

    Args:
        classifier: the classifier.
        x: images, shape (example, *image): a tensor, an array or nested lists.
        y: labels, shape (example,), likewise.
        attack: an attack that minimises the norm, such as ``FMN``; its strength plays no role.
        attack_samples: A.
        inference_samples: I, disjoint from A.
        factors: what each δ is multiplied by, from the smallest on.
        first_example: index of the first image in its data set, for the coordinate.

    Returns:
        A dataset over ``example`` with ``minimal_norm``, the norm of the first multiple that I
        misclassifies: 0 for an image that I misclassifies at x, ∞ where it withstands all
        multiples; and ``found_norm``, the norm of the attack's own δ, ∞ where it found none.

    Raises:
        ArgumentError: for an attack that does not minimise the norm, no factors, bad images or
            labels, and sample sets that were drawn for other images.
        NotFiniteError: for logits, gradients or δ that are NaN or infinite.
        OverlapError: if the attacker's samples and I have any in common.

    Example:
        >>> import pyrosnn
        >>> digits = pyrosnn.load_dataset("digits")
        >>> bnn = pyrosnn.train(pyrosnn.preset("bnn", epochs=5), digits)
        >>> x, y = digits.test_images(20)
        >>> A, I = pyrosnn.disjoint_sample_sets(bnn, x, attack=5, inference=50, seed=0)
        >>> attack = pyrosnn.attacks.FMN(steps=10, selection_samples=20)
        >>> norms = minimal_norms(bnn, x, y, attack=attack, attack_samples=A, inference_samples=I)
        >>> norms["minimal_norm"].dims
        ('example',)
    """
    require(
        attack.minimises_norm,
        f"minimal norms need an attack that minimises the norm, such as FMN(), got {attack!r}",
    )
    multiples = sorted(listed("factors", factors, "factor", FACTOR))
    require(len(multiples) >= 1, "got no factors; expected at least one")
    require_disjoint(attack_samples.origin, inference_samples.origin)
    x, y = batch_for(classifier, x, y, move=True)
    inference_samples.require_fit(classifier, len(x))
    largest = float(torch.finfo(x.dtype).max)  # as a strength: it shortens nothing
    (result,) = attack.sweep(classifier, x, y, attack_samples, [largest])
    require_judgeable(classifier, x, [result], inference_samples)
    minimal = _judged(classifier, x, y, attack, result, inference_samples, multiples)
    found = result.norm
    if result.fooled is not None:
        found = found.masked_fill(~result.fooled, torch.inf)
    values = {"minimal_norm": minimal.cpu().numpy(), "found_norm": found.cpu().numpy()}
    coords = {
        "example": np.arange(first_example, first_example + len(x)),
        "label": y.cpu().numpy(),
        "attack_samples": len(attack_samples),
        "inference_samples": len(inference_samples),
    }
    return make_dataset(values, coords)


def _judged(
    classifier: StochasticClassifier,
    x: Tensor,
    y: Tensor,
    attack: Attack,
    result: AttackResult,
    samples: SampleSet,
    factors: list[float],
) -> Tensor:
    """Return the norm of the first multiple of each δ that I misclassifies, shape (example,)."""
    minimal = torch.full_like(result.norm, torch.inf)
    for factor in [0.0, *factors]:
        rows = minimal.isinf().nonzero().flatten()
        if len(rows) == 0:
            break
        delta = factor * result.perturbation[rows]
        if attack.clip is not None:
            delta = (x[rows] + delta).clamp(*attack.clip) - x[rows]
        chosen = samples.for_examples(rows)
        mean = predict_again(classifier, x[rows] + delta, chosen, moved=True)
        norm = attack.norms[attack.norm].measure(delta)
        minimal[rows] = torch.where(mean.predicted != y[rows], norm, minimal[rows])
    return minimal
