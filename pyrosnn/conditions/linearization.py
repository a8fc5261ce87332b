"""Predictions and slopes of a sample set along lines through images.

One pass over the samples serves all of it. Each chunk's affine part is applied once to the images
and once to the direction of each line; every point of a line, and the derivative along it, are then
evaluated on features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import torch
from torch import Tensor

from pyrosnn.attacks.norms import length
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.outputs import discriminants_of
from pyrosnn.outputs.algebra import sum_samples, weighted
from pyrosnn.sampling import AfterTrunk, SampleSet, replay
from pyrosnn.sampling.memory import quarter
from pyrosnn.sampling.replay import GRADIENTS, require_finite
from pyrosnn.shapes import Images, Labels, PerClass, PerImage


@dataclass(frozen=True, kw_only=True, eq=False)
class Line:
    """A line x + t v through each image, used as a key for the values on it.

    Attributes:
        direction: v, shape (example, *image).
        points: t's at which predictions are wanted.
        measured: whether the slopes along v are wanted.
    """

    direction: Images
    points: tuple[float, ...] = ()
    measured: bool = True

    @cached_property
    def length(self) -> PerImage:
        """‖v‖₂ of each image."""
        return length(self.direction)


@dataclass(frozen=True, kw_only=True)
class Linearization:
    """Mean predictions and slopes along lines, over the first samples of a set.

    Attributes:
        num_samples: how many samples.
        discriminants: f(x), float64.
        slopes: for each measured line, how fast f_c - f_y grows along its direction v, float64.
        predicted: for each line, the predicted class at each of its points.
    """

    num_samples: int
    discriminants: PerClass
    slopes: Mapping[Line, PerClass]
    predicted: Mapping[Line, tuple[Labels, ...]]


class _Path:
    """The image of a line under the trunk: a line where there is no trunk, else a curve.

    Args:
        images: the images after the trunk.
        line: the line.
        kept: keep the points of the curve for all chunks of samples.

    Attributes:
        along: a list of its tangent at t = 0 if that is needed, else an empty list.
        at: the function from t to a point of the curve.
    """

    def __init__(self, images: AfterTrunk, line: Line, *, kept: bool):
        needed = line.measured or images.straight
        self.along = [images.jvp(line.direction)] if needed else []

        def at(t: float) -> Tensor:
            return images.at(torch.add(images.x, line.direction, alpha=t))

        self.at = cache(at) if kept else at


def linearize(
    classifier: StochasticClassifier,
    x: Images,
    y: Labels,
    lines: Sequence[Line],
    samples: SampleSet,
    sizes: Sequence[int],
) -> list[Linearization]:
    """Evaluate the mean prediction and its slopes along lines through images.

    Args:
        classifier: the classifier.
        x: images.
        y: labels.
        lines: lines through x.
        samples: the sample set.
        sizes: numbers of its first samples, one linearization each.

    Returns:
        A linearization for each size.

    Raises:
        NotFiniteError: for logits at x or at a point of a line, or slopes, that are NaN or
            infinite.
    """
    f = discriminants_of(classifier.output)
    shape = (classifier.num_classes, len(x))
    like = torch.zeros(shape, dtype=torch.float64, device=x.device).mT
    clean = like.clone()
    slopes = {line: like.clone() for line in lines if line.measured}
    # at t = 0 every line passes through the image itself
    moved = {line: [clean if t == 0 else like.clone() for t in line.points] for line in lines}
    linearizations: dict[int, Linearization] = {}
    images = AfterTrunk(classifier, x, samples.memory_budget)
    num_points = sum(len(line.points) for line in lines)
    kept = num_points * images.values.nbytes <= quarter(samples.memory_budget)
    paths = {line: _Path(images, line, kept=kept) for line in lines}
    for chunk in replay(classifier, len(x), samples[: max(sizes)], stops=sizes):
        features = chunk.features(images.values)
        steps = {line: chunk.jvp(along) for line, path in paths.items() for along in path.along}
        logits, tangents = chunk.rest.jvp(features, [steps[line] for line in slopes])
        values = f.values(logits)
        clean += sum_samples(weighted(values, chunk.weights))
        for total, tangent in zip(slopes.values(), tangents, strict=True):
            total += sum_samples(weighted(f.slopes(values, tangent, y), chunk.weights))
        for line, path in paths.items():
            for t, total in zip(line.points, moved[line], strict=True):
                if t != 0:
                    there = (
                        torch.add(features, steps[line], alpha=t)
                        if images.straight
                        else chunk.features(path.at(t))
                    )
                    total += sum_samples(weighted(f.values(chunk.rest(there)), chunk.weights))
        if chunk.stop in sizes:
            whole = samples[: chunk.stop].total
            linearizations[chunk.stop] = Linearization(
                num_samples=chunk.stop,
                discriminants=clean / whole,
                slopes={line: total / whole for line, total in slopes.items()},
                predicted={
                    line: tuple(total.argmax(-1) for total in totals)
                    for line, totals in moved.items()
                },
            )
    _require_finite(clean, slopes, moved)
    return [linearizations[size] for size in sizes]


def _require_finite(
    clean: PerClass, slopes: Mapping[Line, PerClass], moved: Mapping[Line, list[PerClass]]
) -> None:
    """Refuse values that are NaN or infinite, waiting for the device once where all are finite."""
    points = [total for totals in moved.values() for total in totals]
    finite = [total.isfinite().all() for total in (clean, *slopes.values(), *points)]
    if bool(torch.stack(finite).all()):
        return
    require_finite(clean)
    for total in points:
        require_finite(total, moved=True)
    for total in slopes.values():
        require_finite(total, GRADIENTS)
