"""Readouts of a classifier that make one random point of each image an adversarial example."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pyrosnn.attacks.norms import Norm, per_image
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import SampleSet, replay_logits
from pyrosnn.shapes import Flags, Images, PerClass

# Added to the covariance of a few points, as a share of its mean variance.
RIDGE = 0.01
TINY = 1e-30


@dataclass(frozen=True)
class Planting:
    """What is planted in each image.

    Attributes:
        weight: direction of the mean logits' change, shape (example, class): the score of the
            adversarial point is above 1, those of the inner points below.
        delta: the adversarial point's δ, shape (example, *image).
        separated: whether a direction separates it from the inner points, shape (example,).
    """

    weight: PerClass
    delta: Images
    separated: Flags


def points_on_sphere(x: Images, norm: Norm, strength: float, number: int) -> Tensor:
    """Return random δ with the norm η, shape (point, example, *image), by torch's generator."""
    drawn = [norm.draw(x, strength) for _ in range(number)]
    return torch.stack(
        [delta * per_image(strength / norm.measure(delta).clamp(min=TINY), x) for delta in drawn]
    )


def points_in_ball(x: Images, norm: Norm, strength: float, number: int) -> Tensor:
    """Return random δ of norms up to η, shape (point, example, *image), by torch's generator."""
    return torch.stack([norm.draw(x, strength) for _ in range(number)])


def plant(
    classifier: StochasticClassifier, x: Images, samples: SampleSet, inner: Tensor, outer: Tensor
) -> Planting:
    r"""Separate one outer point of each image from all inner ones, by a readout of the logits.

    The features are changes of the mean logits, $\bar z(x + \delta) - \bar z(x)$, centred over
    classes. The direction is Fisher's: the inverse covariance of the inner points, times the outer
    point's distance from their mean. Of the outer points the one with the widest gap is taken; the
    middle of the gap has the score 1.

    Args:
        classifier: the classifier.
        x: images, shape (example, *image).
        samples: the samples that the mean logits are of.
        inner: δ of the points that stay correct, shape (point, example, *image).
        outer: δ of the points that one is chosen of, likewise.
    """
    clean = _features(classifier, x, samples)
    within, beyond = (
        torch.stack([_features(classifier, x + delta, samples) - clean for delta in points])
        for points in (inner, outer)
    )
    centred = within - within.mean(0)
    covariance = torch.einsum("pei,pej->eij", centred, centred) / len(within)
    ridge = RIDGE * covariance.diagonal(dim1=1, dim2=2).mean(1).clamp(min=TINY)
    covariance.diagonal(dim1=1, dim2=2).add_(ridge.unsqueeze(1))
    apart = (beyond - within.mean(0)).permute(1, 2, 0)  # (example, class, outer point)
    weight = torch.linalg.solve(covariance, apart).permute(2, 0, 1)
    score = (weight * beyond).sum(-1)
    # the image itself has the score 0, and stays correct
    largest = torch.einsum("oec,pec->ope", weight, within).amax(1).clamp(min=0.0)
    gap = (score - largest) / score.abs().clamp(min=TINY)
    chosen = gap.argmax(0), torch.arange(len(x), device=x.device)
    separated, threshold = gap[chosen] > 0, (score + largest)[chosen] / 2
    scale = torch.where(separated, threshold, torch.ones_like(threshold)).unsqueeze(-1)
    return Planting(weight=weight[chosen] / scale, delta=outer[chosen], separated=separated)


def _features(classifier: StochasticClassifier, x: Images, samples: SampleSet) -> PerClass:
    """Return the mean logits, centred over classes, float64."""
    mean = replay_logits(classifier, x, samples).double().mean(0)
    return mean - mean.mean(-1, keepdim=True)
