"""What an attack that knows the samples breaks: the other side of a certificate."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from pyrosnn.attacks import Attack
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import SampleSet, predict
from pyrosnn.shapes import Images, Labels

# The stream of an attacker who is told the samples: results that it gives are labelled so.
KNOWN = "known-samples"


def unbroken(
    classifier: StochasticClassifier,
    x: Images,
    y: Labels,
    samples: SampleSet,
    *,
    attack: Attack,
    strengths: Sequence[float],
) -> Tensor:
    """Return whether the mean prediction is right under an attack on these very samples.

    Args:
        classifier: the classifier.
        x: images.
        y: labels.
        samples: the samples, which the attacker knows.
        attack: an attack that keeps its samples fixed.
        strengths: η's.

    Returns:
        Shape (example, strength).

    Raises:
        ArgumentError: for an attack that draws fresh samples in each step.
    """
    # nothing follows them in their stream: fresh samples would be other networks
    known = replace(samples, origin=replace(samples.origin, stream=KNOWN, classifier=None))
    results = attack.sweep(classifier, x, y, known, strengths, selection=known)
    right = [
        predict(classifier, x + result.perturbation, known, moved=True).predicted == y
        for result in results
    ]
    return torch.stack(right, dim=1)


def count_unbroken(
    classifier: StochasticClassifier,
    x: Images,
    y: Labels,
    samples: SampleSet,
    times: Tensor,
    *,
    attack: Attack,
    strengths: Sequence[float],
) -> np.ndarray:
    """Count the samples that stay right, each attacked on its own.

    Args:
        classifier: see :func:`unbroken`.
        x: the same.
        y: the same.
        samples: the same.
        times: how often each of them is in the set, shape (sample,).
        attack: the same.
        strengths: the same.

    Returns:
        Counts, shape (example, strength).
    """
    counts = torch.zeros(len(x), len(strengths), dtype=torch.int64, device=x.device)
    for one, number in zip(samples.chunks(1), times.tolist(), strict=True):
        right = unbroken(classifier, x, y, one, attack=attack, strengths=strengths)
        counts += number * right
    array: np.ndarray = counts.cpu().numpy()
    return array
