"""Sums over the samples of a set: mean predictions, and gradients of any size."""

from collections.abc import Iterable

import torch
from torch import Tensor

from pyrosnn.models.batch import images_for
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.neutral import neutral
from pyrosnn.outputs.algebra import weighted
from pyrosnn.outputs.mean import MeanPrediction
from pyrosnn.sampling.replay import DifferentiableChunk, replay, require_finite
from pyrosnn.sampling.sample_set import SampleSet
from pyrosnn.sampling.trunk import AfterTrunk
from pyrosnn.settings import checked_arguments
from pyrosnn.shapes import Images, ImagesLike, Logits


def mean_prediction(chunks: Iterable[DifferentiableChunk], output: str) -> MeanPrediction:
    """Return the mean prediction of evaluated chunks."""
    mean = MeanPrediction(output)
    for chunk in chunks:
        mean.add(chunk.logits, chunk.weights)
    require_finite(mean.scores)
    return mean


@checked_arguments
@neutral
def predict(
    classifier: StochasticClassifier, x: ImagesLike, samples: SampleSet, *, moved: bool = False
) -> MeanPrediction:
    """Return the mean prediction of a sample set, in memory that does not grow with S.

    Args:
        classifier: the classifier.
        x: images, on the classifier's device: a tensor, an array or nested lists.
        samples: the sample set, drawn from this classifier.
        moved: whether the images are attacked ones, for errors.

    Raises:
        ArgumentError: for samples of another classifier, or of another number of images.
        NotFiniteError: for logits that are NaN or infinite.
    """
    x = images_for(classifier, x, exact=False)
    samples.require_fit(classifier, len(x))
    return _predict(classifier, x, samples, moved)


@neutral
def predict_again(
    classifier: StochasticClassifier, x: Images, samples: SampleSet, *, moved: bool = False
) -> MeanPrediction:
    """Return what :func:`predict` does, of samples that are known to be the classifier's.

    The fingerprint of a large network takes as long as a forward pass: an attack that asks in each
    step compares it once, when it begins.

    Args:
        classifier: see :func:`predict`.
        x: the same.
        samples: the same.
        moved: the same.
    """
    x = images_for(classifier, x, exact=False)
    samples.require_images(len(x))
    return _predict(classifier, x, samples, moved)


def _predict(
    classifier: StochasticClassifier, x: Images, samples: SampleSet, moved: bool
) -> MeanPrediction:
    mean = MeanPrediction(classifier.output)
    values = AfterTrunk(classifier, x, samples.memory_budget).values
    for chunk in replay(classifier, len(x), samples):
        mean.add(chunk.logits(values), chunk.weights)
    require_finite(mean.scores, moved=moved)
    return mean


class ScaledSum:
    r"""The sum $\sum_s w_s J_s(x)^\top u_s$ of each image, as a value times a scale.

    A saturated softmax makes cotangents tiny (1e-13 at a logit gap of 30), and their float32
    products tinier. Each image's are therefore divided by the largest of them that came so far.
    The sum is taken after the trunk, and taken back through it when it is asked for. The weights
    $w_s$ are those of the sample set, 1 for samples that were drawn.

    Args:
        images: the images after the trunk.

    Attributes:
        scale: the largest cotangent of each image, float64, shape (example,).
    """

    def __init__(self, images: AfterTrunk):
        x = images.x
        self._images = images
        self._sum: Tensor | None = None
        self.scale = torch.zeros(len(x), dtype=torch.float64, device=x.device)

    def add(self, chunk: DifferentiableChunk, cotangents: Logits) -> None:
        """Add the samples of a chunk, with a cotangent for each sample and image, float64."""
        cotangents = weighted(cotangents, chunk.weights)
        largest = torch.maximum(self.scale, cotangents.abs().amax((0, 2)))
        safe = torch.where(largest > 0, largest, torch.ones_like(largest))
        product = chunk.vjp(cotangents / safe.unsqueeze(-1)).to(self._images.x.dtype)
        if self._sum is not None:
            product = product.add_(self._sum * self._column(self.scale / safe, product))
        self._sum, self.scale = product, largest

    @property
    def value(self) -> Images:
        """The sum divided by the scale, like x."""
        if self._sum is None:
            return torch.zeros_like(self._images.x)
        return self._images.vjp(self._sum)

    @property
    def exact(self) -> Images:
        """The sum itself, in float64."""
        value = self.value.double()
        return value * self.scale.reshape(-1, *[1] * (value.ndim - 1))

    @staticmethod
    def _column(values: Tensor, like: Tensor) -> Tensor:
        return values.to(like.dtype).reshape(-1, *[1] * (like.ndim - 1))
