r"""Bounds of $z_y - z_j$ for all samples and images, a page at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pyrosnn.data.bounds import Bounds
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.programs import Reader
from pyrosnn.propagation import METHODS, Method, ball, difference_bounds
from pyrosnn.propagation.forward import ROW_BYTES, value_regions
from pyrosnn.sampling import SampleSet
from pyrosnn.sampling.memory import chunk_size, quarter
from pyrosnn.shapes import Images, Labels
from pyrosnn.verification.agreement import require_same
from pyrosnn.verification.programs import reader, typed


@dataclass(frozen=True)
class Page:
    """Bounds of some samples on some images.

    Attributes:
        images: which images.
        samples: which samples.
        lower: lower bounds, shape (strength, sample, example, class), 0 at the label.
        upper: upper bounds.
    """

    images: slice
    samples: slice
    lower: Tensor
    upper: Tensor


def bounded_pages(
    classifier: StochasticClassifier,
    x: Images,
    y: Labels,
    samples: SampleSet,
    *,
    norm: str,
    strengths: Sequence[float],
    method: str = "crown",
    clip: Bounds | None = None,
) -> Iterator[Page]:
    """Yield bounds on balls around each image, in memory that grows with neither.

    A bound on a ball is one on all smaller ones: where it is the larger there, it is taken.

    Args:
        classifier: the classifier.
        x: images.
        y: labels.
        samples: the sample set.
        norm: ``l2`` or ``linf``.
        strengths: η's.
        method: name in ``METHODS``.
        clip: smallest and largest pixel of x + δ, or None.

    Raises:
        NoBoundsError: for a classifier that cannot be bounded.
    """
    way, read = METHODS[method], reader(classifier)
    pairs, row_bytes = _page(classifier, read, x, samples, way)
    number = min(len(x), pairs)
    for start in range(0, len(x), number):
        stop = min(start + number, len(x))
        first = samples.origin.start
        for part in _of(samples, x, start, stop).chunks(max(1, pairs // number)):
            sites = typed(part, classifier)
            programs = read(sites)
            if start == 0 and part.origin.start == first:
                require_same(classifier, x[:stop], sites, programs)
            bounds: dict[float, tuple[Tensor, Tensor]] = {}
            lower, upper = x.new_tensor(-torch.inf), x.new_tensor(torch.inf)
            for strength in sorted(strengths, reverse=True):
                regions = ball(x[start:stop], norm, strength, clip)
                found = [
                    difference_bounds(
                        steps,
                        regions,
                        y[start:stop],
                        classifier.num_classes,
                        method=way if strength > 0 else METHODS["ibp"],  # which is exact there
                        row_bytes=row_bytes,
                    )
                    for steps in programs
                ]
                below, above = (
                    torch.cat(sides).expand(len(part), -1, -1) for sides in zip(*found, strict=True)
                )
                lower, upper = torch.maximum(lower, below), torch.minimum(upper, above)
                bounds[strength] = lower, upper
            lowest, highest = zip(*(bounds[strength] for strength in strengths), strict=True)
            yield Page(
                slice(start, stop),
                slice(part.origin.start - first, part.origin.stop - first),
                torch.stack(lowest),
                torch.stack(highest),
            )


def _of(samples: SampleSet, x: Images, start: int, stop: int) -> SampleSet:
    """Return the samples with their values for some of the images."""
    if stop - start == len(x) or not samples.per_image:
        return samples
    return samples.for_examples(torch.arange(start, stop, device=x.device))


def _page(
    classifier: StochasticClassifier,
    read: Reader,
    x: Images,
    samples: SampleSet,
    method: Method,
) -> tuple[int, int]:
    """Return how many pairs of image and sample to bound at once, and bytes for rows."""
    one = _of(samples[:1].load(), x, 0, 1)
    steps = read(typed(one, classifier))[0]
    values = value_regions(steps, ball(x[:1], "linf", 0.0))
    sizes = [regions[0].centre[0, 0].numel() for regions in values]
    floats = 4 * sum(sizes)
    if method.relaxed:
        floats += 6 * classifier.num_classes * max(sizes)
    budget = samples.memory_budget
    pairs = chunk_size(budget, floats * classifier.dtype.itemsize, classifier.device)
    return pairs, min(ROW_BYTES, quarter(budget) // 4)
