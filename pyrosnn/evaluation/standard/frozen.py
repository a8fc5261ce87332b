"""What a frozen δ is judged by: one look of I, queries with fresh samples, and a known I."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from pyrosnn.attacks import Attack
from pyrosnn.attacks.archive import Archive
from pyrosnn.conditions import Geometry, Line, geometries, linearize
from pyrosnn.errors import NoGradientError, NoNoiseFreeError
from pyrosnn.evaluation.standard.archived import Archived
from pyrosnn.evaluation.standard.arrays import stacked
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.noise_free import noise_free
from pyrosnn.sampling import SampleSet, draw_sample_set, predict
from pyrosnn.sampling.draw import successive_sample_sets
from pyrosnn.shapes import Flags, Images, Labels

# The stream of an attacker who is told I: results that it gives are labelled so.
KNOWN = "known-inference"


def judge(
    classifier: StochasticClassifier,
    x: Images,
    y: Labels,
    found: Sequence[Archived],
    random: Sequence[Archived],
    attack_set: SampleSet,
    samples: SampleSet,
) -> dict[str, np.ndarray]:
    """Let I look, once: at the images, at each archive's δ, and at what each attack reached alone.

    Args:
        classifier: the classifier.
        x: images.
        y: labels.
        found: the archive of each threat.
        random: that of the control of each threat.
        attack_set: A, for the premise of the conditions.
        samples: the inference set I.

    Returns:
        Values by the names of the schema; without gradients there is no margin, gradient or angle.
    """
    archives, controls = [one.delta for one in found], [one.delta for one in random]
    alone = [[step.delta for step in one.steps] for one in found]
    deltas = [*archives, *controls, *[delta for steps in alone for delta in steps]]
    correct = predict(classifier, x, attack_set).predicted == y
    clean, classes, geometry = _look(classifier, x, y, deltas, len(found), correct, samples)
    number = len(found)
    by_threat = torch.stack(classes[2 * number :], 1).unflatten(1, (number, -1))
    values = {
        "unattacked_correct": (clean == y).cpu().numpy(),
        "archive_class": stacked(classes[:number]),
        "archive_correct": stacked([label == y for label in classes[:number]]),
        "random_correct": stacked([label == y for label in classes[number : 2 * number]]),
        "entry_correct": (by_threat == y[:, None, None]).cpu().numpy(),
    }
    for name in ("margin", "gradient_norm", "cosine") if geometry else ():
        values[f"archive_{name}"] = stacked([getattr(one, name) for one in geometry])
    return values


def _look(
    classifier: StochasticClassifier,
    x: Images,
    y: Labels,
    deltas: Sequence[Images],
    measured: int,
    correct: Flags,
    samples: SampleSet,
) -> tuple[Labels, list[Labels], list[Geometry]]:
    """Return the classes at x and at each x + δ, and the geometry along the first δ's."""
    for slopes in (True, False):
        lines = [
            Line(direction=delta, points=(1.0,), measured=slopes and index < measured)
            for index, delta in enumerate(deltas)
        ]
        try:
            (values,) = linearize(classifier, x, y, lines, samples, [len(samples)])
            along = {line: correct for line in lines if line.measured}
            seen = geometries(classifier, x, y, along, [values], samples)[0] if along else {}
        except NoGradientError:
            if not slopes:
                raise
            continue
        predicted = [values.predicted[line][0] for line in lines]
        return values.discriminants.argmax(-1), predicted, list(seen.values())
    raise AssertionError("the second look needs no gradients")


def ask(
    classifier: StochasticClassifier,
    x: Images,
    y: Labels,
    deltas: Sequence[Images],
    first: SampleSet,
    number: int,
) -> list[Tensor]:
    """Return how many queries classify each image correctly: without δ, and for each δ.

    A query is one prediction, made with samples that are drawn for it alone; all δ are asked with
    the same ones.

    Args:
        classifier: the classifier.
        x: images.
        y: labels.
        deltas: δ's, each shaped like x.
        first: the samples of the first query; the next follow in its stream.
        number: how many queries.
    """
    counts = [torch.zeros_like(y) for _ in (None, *deltas)]
    lines = [Line(direction=delta, points=(1.0,), measured=False) for delta in deltas]
    sets = successive_sample_sets(classifier, x, first)
    for _, samples in zip(range(number), sets, strict=False):
        (values,) = linearize(classifier, x, y, lines, samples, [len(samples)])
        predicted = [values.predicted[line][0] for line in lines]
        for count, label in zip(counts, [values.discriminants.argmax(-1), *predicted], strict=True):
            count += label == y
    return counts


def attack_knowing(
    classifier: StochasticClassifier,
    x: Images,
    y: Labels,
    delta: Images,
    attacks: Sequence[Attack],
    samples: SampleSet,
) -> Flags | None:
    """Return whether I classifies the images correctly under an attacker who knows I.

    The attacks follow the gradients of I, and decide with I. They keep the given δ where that is
    worse: what is won by knowing I is never negative. None for a classifier without gradients.

    Args:
        classifier: the classifier.
        x: images.
        y: labels.
        delta: δ of an attacker who does not know I.
        attacks: attacks that decide with V, and keep their samples fixed.
        samples: I.
    """
    known = replace(samples, origin=replace(samples.origin, stream=KNOWN))
    archive = Archive(x)
    archive.offer(delta, predict(classifier, x + delta, known, moved=True).margin(y))
    try:
        for attack in attacks:
            own = attack(classifier, x, y, known, selection=known).perturbation
            archive.offer(own, predict(classifier, x + own, known, moved=True).margin(y))
    except NoGradientError:
        return None
    return predict(classifier, x + archive.delta, samples, moved=True).predicted == y


def without_noise(
    classifier: StochasticClassifier, x: Images, y: Labels, found: Sequence[Archived]
) -> dict[str, np.ndarray]:
    """Return what the noise-free network says of the images and of each archive's δ.

    Nothing, for a classifier that has no such network.

    Args:
        classifier: the classifier.
        x: images.
        y: labels.
        found: the archive of each threat.
    """
    try:
        network = noise_free(classifier)
    except NoNoiseFreeError:
        return {}
    one = draw_sample_set(network, x, 1, seed=0, stream="noise-free")

    def correct(images: Images) -> Flags:
        return predict(network, images, one).predicted == y

    return {
        "noise_free_unattacked": correct(x).cpu().numpy(),
        "noise_free_correct": stacked([correct(x + archive.delta) for archive in found]),
    }
