"""The evaluation of a sample set on images, one chunk of samples at a time.

A :class:`Chunk` is what every evaluation works on: it holds the affine part that its samples begin
with, so that an image, or a direction, goes through that part once, whatever is asked of it after.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from pyrosnn.errors import not_finite
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling.memory import chunk_size, quarter
from pyrosnn.sampling.sample_set import SampleSet
from pyrosnn.sampling.trunk import AfterTrunk
from pyrosnn.shapes import Images, Logits


class Chunk:
    """Samples of a classifier, ready to be evaluated; no method waits for the device.

    Its inputs are images after the trunk (:class:`AfterTrunk`). They and the samples are used in
    the precision of the classifier's parameters.

    Attributes:
        rest: logits as a function of features.
        stop: index within the sample set after the last of the samples.
        weights: how much each sample counts; None if all count alike.
    """

    def __init__(self, classifier: StochasticClassifier, samples: SampleSet, stop: int):
        self._dtype = classifier.dtype
        sites = {
            name: value.to(self._dtype) if value.is_floating_point() else value
            for name, value in samples.tensors.items()
        }
        with torch.no_grad():
            parts = classifier.parts(sites)
        self._first, self.rest = parts.first, parts.rest
        self.stop, self.weights = stop, samples.weights

    def features(self, x: Tensor) -> Tensor:
        """Return the features of images after the trunk."""
        with torch.no_grad():
            return self._first(x.to(self._dtype))

    def logits(self, x: Tensor) -> Tensor:
        """Return the logits of images after the trunk."""
        with torch.no_grad():
            return self.rest(self.features(x))

    def jvp(self, v: Tensor) -> Tensor:
        """Return φ'(v), such that the features φ at x + t v are φ(x) + t φ'(v)."""
        with torch.no_grad():
            return self._first.jvp(v.to(self._dtype))

    def vjp(self, u: Tensor) -> Tensor:
        """Return the cotangents of the input, given those of the features, summed over samples."""
        with torch.no_grad():
            return self._first.vjp(u)


class DifferentiableChunk:
    """A chunk evaluated on images, with its vector–Jacobian product.

    Attributes:
        logits: its logits.
        stop: index within the sample set after the last of the samples.
        weights: how much each sample counts; None if all count alike.
    """

    def __init__(self, chunk: Chunk, images: AfterTrunk):
        self._chunk = chunk
        self.logits, self._vjp = chunk.rest.vjp(chunk.features(images.values))
        self.stop, self.weights = chunk.stop, chunk.weights

    def vjp(self, cotangents: Logits) -> Tensor:
        """Return Σ_s J_sᵀ u_s over the chunk's samples, at the images after the trunk."""
        return self._chunk.vjp(self._vjp(cotangents.to(self.logits.dtype)))


def replay(
    classifier: StochasticClassifier,
    number: int,
    samples: SampleSet,
    *,
    stops: Sequence[int] = (),
    rows: Tensor | None = None,
) -> Iterator[Chunk]:
    """Yield a sample set in chunks.

    Args:
        classifier: the classifier.
        number: how many images each chunk will be evaluated on.
        samples: the sample set.
        stops: numbers of samples that no chunk crosses, for sums over the first samples.
        rows: which of the images those are, shape (row,); None for all of them in order.
    """
    size = chunk_size(samples.memory_budget, _sample_bytes(classifier, number), classifier.device)
    first = samples.origin.start
    for part in samples.chunks(size, stops):
        chosen = part if rows is None else part.for_examples(rows)
        yield Chunk(classifier, chosen, part.origin.stop - first)


def _sample_bytes(classifier: StochasticClassifier, number: int) -> int:
    return number * classifier.footprint().samples * classifier.dtype.itemsize


class DifferentiableReplay:
    """A sample set evaluated on images, chunk by chunk, as often as it is iterated over.

    The graphs of all chunks are kept if the set is stored and they fit a quarter of the memory
    budget, else each is made again for every pass. No graph spans two chunks.

    Args:
        classifier: the classifier.
        x: images.
        samples: the sample set.

    Attributes:
        images: the images after the trunk.
    """

    def __init__(self, classifier: StochasticClassifier, x: Images, samples: SampleSet):
        self._classifier, self._samples = classifier, samples
        self.images = AfterTrunk(classifier, x, samples.memory_budget)
        graphs = len(samples) * _sample_bytes(classifier, len(x))
        # a graph holds its samples: those of a set that is not stored add up to the whole set
        kept = samples.stored is not None and graphs <= quarter(samples.memory_budget)
        self._kept = list(self._evaluate()) if kept else None

    def _evaluate(self) -> Iterator[DifferentiableChunk]:
        for chunk in replay(self._classifier, len(self.images.x), self._samples):
            yield DifferentiableChunk(chunk, self.images)

    def __iter__(self) -> Iterator[DifferentiableChunk]:
        """Iterate over the chunks in order."""
        return self._evaluate() if self._kept is None else iter(self._kept)


def replay_logits(classifier: StochasticClassifier, x: Images, samples: SampleSet) -> Logits:
    """Return the logits z(x, θ_s) of each sample, without gradients.

    Its memory grows with S; an evaluation goes through :func:`replay` instead.

    Args:
        classifier: the classifier.
        x: images, on the classifier's device.
        samples: the sample set.

    Raises:
        ArgumentError: for samples of a classifier with other sites.
        NotFiniteError: for logits that are NaN or infinite.
    """
    values = AfterTrunk(classifier, x, samples.memory_budget).values
    chunks = replay(classifier, len(x), samples)
    try:
        logits = torch.cat([chunk.logits(values) for chunk in chunks])
    except (KeyError, IndexError, RuntimeError):
        samples.require_fit(classifier, len(x))  # which says whose samples they are
        raise
    require_finite(logits.transpose(0, 1))
    return logits


LOGITS = "the classifier's logits"
GRADIENTS = "gradients of the classifier's outputs"


def require_finite(values: Tensor, quantity: str = LOGITS, *, moved: bool = False) -> None:
    """Refuse values that are NaN or infinite; called once for all chunks, because it waits.

    Args:
        values: numbers of each image, shape (example, …).
        quantity: what they are, in the plural.
        moved: whether they are those at x + δ.

    Raises:
        NotFiniteError: naming the images.
    """
    finite = torch.isfinite(values)
    if not finite.all():
        bad = (~finite).reshape(len(values), -1).any(1).nonzero().flatten().tolist()
        raise not_finite(quantity, bad, len(values), moved=moved)
