"""The samples that an attack breaks, each attacked on its own: the other side of a certificate."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from pyrosnn.attacks import Attack
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import SampleSet, predict
from pyrosnn.shapes import Images, Labels

# The stream of an attacker who is told the sample: results that it gives are labelled so.
KNOWN = "known-sample"


def unbroken_samples(
    classifier: StochasticClassifier,
    x: Images,
    y: Labels,
    samples: SampleSet,
    times: Tensor,
    *,
    attack: Attack,
    strengths: Sequence[float],
) -> np.ndarray:
    """Count the samples that an attack on this very sample leaves right, for each image.

    Args:
        classifier: the classifier.
        x: images.
        y: labels.
        samples: the sample set.
        times: how often each of them is in the set, shape (sample,).
        attack: an attack that keeps its samples fixed.
        strengths: η's.

    Returns:
        Shape (example, strength).

    Raises:
        ArgumentError: for an attack that draws fresh samples in each step.
    """
    right = torch.zeros(len(x), len(strengths), dtype=torch.int64, device=x.device)
    for one, number in zip(samples.chunks(1), times.tolist(), strict=True):
        # nothing follows it in its stream: fresh samples would be other networks
        known = replace(one, origin=replace(one.origin, stream=KNOWN, classifier=None))
        results = attack.sweep(classifier, x, y, known, strengths, selection=known)
        for place, result in enumerate(results):
            predicted = predict(classifier, x + result.perturbation, known, moved=True).predicted
            right[:, place] += number * (predicted == y)
    counts: np.ndarray = right.cpu().numpy()
    return counts
