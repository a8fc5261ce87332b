"""The variation of single-sample predictions and gradients, streamed over samples."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from pyrosnn.errors import require
from pyrosnn.models.batch import batch_for
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.neutral import neutral
from pyrosnn.outputs import discriminants_of
from pyrosnn.outputs.mean import MeanPrediction
from pyrosnn.results import make_dataset
from pyrosnn.sampling import (
    MEMORY_BUDGET,
    AfterTrunk,
    DifferentiableChunk,
    SampleSet,
    ScaledSum,
    draw_sample_set,
    replay,
    successive_sample_sets,
)
from pyrosnn.sampling.replay import GRADIENTS, require_finite
from pyrosnn.sampling.sample_set import PAGE_SIZE
from pyrosnn.settings import checked_arguments
from pyrosnn.shapes import ImagesLike, LabelsLike


class _Moments:
    """Running mean and sum of squared deviations of a stream (Welford), float64."""

    def __init__(self, like: Tensor):
        self.count = 0
        self.mean = torch.zeros_like(like, dtype=torch.float64)
        self.squares = torch.zeros_like(self.mean)

    def add(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """Add a value; return its deviation from the mean before and after."""
        self.count += 1
        before = value - self.mean
        self.mean += before / self.count
        after = value - self.mean
        self.squares += before * after
        return before, after

    @property
    def variance(self) -> Tensor:
        return self.squares / (self.count - 1)


@checked_arguments
@neutral
def gradient_moments(
    classifier: StochasticClassifier,
    x: ImagesLike,
    y: LabelsLike,
    *,
    num_samples: int = 1000,
    seed: int = 0,
    block: int = 0,
    first_example: int = 0,
    memory_budget: int = MEMORY_BUDGET,
) -> xr.Dataset:
    r"""Measure the variation of single-sample predictions and input gradients.

    Two gradients of each sample are followed: of the label's discriminant $f_y$, which is the
    direction of a cross-entropy attack on mean probabilities, and of the margin $f_y - f_c$ to
    the runner-up c of the mean prediction, which is the condition's. With means μ and
    covariances Σ of each, the result has the plug-in length $\|\bar g\|$ (too long by
    $\operatorname{tr} \Sigma / S$ in its square) and the unbiased
    $\widehat{\|\mu\|^2} = \|\bar g\|^2 - \widehat{\operatorname{tr} \Sigma} / S$, whose sign is
    kept. No more than a page of samples is in memory.

    Args:
        classifier: the classifier.
        x: images, shape (example, *image).
        y: labels, shape (example,).
        num_samples: S, single samples.
        seed: root seed.
        block: counter of the block of images.
        first_example: index of the first image in its data set, for the coordinate.
        memory_budget: bytes that the samples and their evaluation may take.

    Returns:
        A dataset with the variables of the group ``variation`` over example and gradient.

    Raises:
        ArgumentError: for bad images or labels, or fewer than two samples.

    References:
        Table 1 of Däubener & Fischer 2022, whose length is the plug-in.
    """
    require(num_samples >= 2, f"num_samples must be >= 2, got {num_samples}")
    x, y = batch_for(classifier, x, y, move=True)
    functions = discriminants_of(classifier.output)
    first = draw_sample_set(
        classifier,
        x,
        min(PAGE_SIZE, num_samples),
        seed=seed,
        stream="moments",
        block=block,
        memory_budget=memory_budget,
    )

    def singles() -> Iterator[SampleSet]:
        sets = successive_sample_sets(classifier, x, first)
        samples = (drawn[s : s + 1] for drawn in sets for s in range(len(drawn)))
        return islice(samples, num_samples)

    mean = MeanPrediction(classifier.output)
    images = AfterTrunk(classifier, x, memory_budget)
    for theta in singles():
        mean.add(evaluate_sample(classifier, images, theta).logits)
    require_finite(mean.scores)
    other = mean.runner_up(y)

    prediction, label, margin = _Moments(mean.scores[:, 0]), _Moments(x), _Moments(x)
    products = torch.zeros_like(mean.scores[:, 0])
    for theta in singles():
        single = evaluate_sample(classifier, images, theta)
        f = functions.values(single.logits)[0]
        prediction.add(f.gather(-1, y.unsqueeze(-1)).squeeze(-1))
        cotangents = functions.cotangent(single.logits, y)
        before, _ = label.add(sample_gradient(images, single, cotangents))
        cotangents = functions.margin_cotangent(single.logits, y, other)
        _, after = margin.add(sample_gradient(images, single, cotangents))
        products += (before * after).flatten(1).sum(1)

    require_finite((label.squares + margin.squares).flatten(1), GRADIENTS)
    lengths = [both.mean.flatten(1).square().sum(1) for both in (label, margin)]
    traces = [both.variance.flatten(1).sum(1) for both in (label, margin)]
    inner = (label.mean * margin.mean).flatten(1).sum(1)
    covariance = products / (num_samples - 1)
    values = {
        "prediction_mean": prediction.mean,
        "prediction_std": prediction.variance.sqrt(),
        "runner_up": other,
        "plugin_length": torch.stack([square.sqrt() for square in lengths], 1),
        "gradient_square": torch.stack(
            [square - t / num_samples for square, t in zip(lengths, traces, strict=True)], 1
        ),
        "gradient_trace": torch.stack(traces, 1),
        "gradient_entry_std": torch.stack(
            [both.variance.sqrt().flatten(1).mean(1) for both in (label, margin)], 1
        ),
        "alignment": inner - covariance / num_samples,
    }
    coords = {
        "example": np.arange(first_example, first_example + len(x)),
        "label": y.cpu().numpy(),
        "gradient": ["label", "margin"],
    }
    return make_dataset({name: value.cpu().numpy() for name, value in values.items()}, coords)


def evaluate_sample(
    classifier: StochasticClassifier, images: AfterTrunk, theta: SampleSet
) -> DifferentiableChunk:
    """Evaluate a single sample on images."""
    return DifferentiableChunk(next(replay(classifier, len(images.x), theta)), images)


def sample_gradient(images: AfterTrunk, single: DifferentiableChunk, cotangents: Tensor) -> Tensor:
    """Return one sample's gradient in float64."""
    total = ScaledSum(images)
    total.add(single, cotangents)
    return total.exact
