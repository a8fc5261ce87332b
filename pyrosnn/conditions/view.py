"""Predictions and slopes of a sample set along rays from images.

One pass over the samples serves all of it. Each chunk's affine part is applied once to the images
and once to the direction of each ray; every point of a ray, and the derivative along it, are then
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
from pyrosnn.outputs.algebra import sum_samples
from pyrosnn.sampling import AfterTrunk, SampleSet, replay
from pyrosnn.sampling.memory import quarter
from pyrosnn.sampling.replay import require_finite
from pyrosnn.shapes import Images, Labels, PerClass, PerImage


@dataclass(frozen=True, kw_only=True, eq=False)
class Ray:
    """The points x + t v along one direction v per image, and a key to the values there.

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
class View:
    """Predictions and slopes of the first samples of a set.

    Attributes:
        num_samples: how many samples.
        discriminants: f(x), float64.
        slopes: for each measured ray, how fast f_c - f_y grows along its direction v, float64.
        predicted: for each ray, the predicted class at each of its points.
    """

    num_samples: int
    discriminants: PerClass
    slopes: Mapping[Ray, PerClass]
    predicted: Mapping[Ray, tuple[Labels, ...]]


class _Path:
    """A ray after the trunk: a line where there is no trunk, else a curve.

    Args:
        images: the images after the trunk.
        ray: the ray.
        kept: keep the points of the curve for all chunks of samples.

    Attributes:
        along: the direction in which it begins, if one is needed; else none.
        at: gives its point at t, on a curve.
    """

    def __init__(self, images: AfterTrunk, ray: Ray, *, kept: bool):
        needed = ray.measured or images.straight
        self.along = [images.jvp(ray.direction)] if needed else []

        def at(t: float) -> Tensor:
            return images.at(torch.add(images.x, ray.direction, alpha=t))

        self.at = cache(at) if kept else at


def look(
    classifier: StochasticClassifier,
    x: Images,
    y: Labels,
    rays: Sequence[Ray],
    samples: SampleSet,
    sizes: Sequence[int],
) -> list[View]:
    """Evaluate the first samples of a set along rays.

    Args:
        classifier: the classifier.
        x: images.
        y: labels.
        rays: directions from x.
        samples: the sample set.
        sizes: numbers of its first samples, one view each.

    Returns:
        A view for each size.
    """
    f = discriminants_of(classifier.output)
    shape = (classifier.num_classes, len(x))
    like = torch.zeros(shape, dtype=torch.float64, device=x.device).mT
    clean = like.clone()
    slopes = {ray: like.clone() for ray in rays if ray.measured}
    # at t = 0 every ray passes through the image itself
    moved = {ray: [clean if t == 0 else like.clone() for t in ray.points] for ray in rays}
    views: dict[int, View] = {}
    images = AfterTrunk(classifier, x, samples.memory_budget)
    num_points = sum(len(ray.points) for ray in rays)
    kept = num_points * images.values.nbytes <= quarter(samples.memory_budget)
    paths = {ray: _Path(images, ray, kept=kept) for ray in rays}
    for chunk in replay(classifier, len(x), samples[: max(sizes)], stops=sizes):
        features = chunk.features(images.values)
        steps = {ray: chunk.jvp(along) for ray, path in paths.items() for along in path.along}
        logits, tangents = chunk.rest.jvp(features, [steps[ray] for ray in slopes])
        values = f.values(logits)
        clean += sum_samples(values)
        for total, tangent in zip(slopes.values(), tangents, strict=True):
            total += sum_samples(f.slopes(values, tangent, y))
        for ray, path in paths.items():
            for t, total in zip(ray.points, moved[ray], strict=True):
                if t != 0:
                    there = (
                        torch.add(features, steps[ray], alpha=t)
                        if images.straight
                        else chunk.features(path.at(t))
                    )
                    total += sum_samples(f.values(chunk.rest(there)))
        if chunk.stop in sizes:
            views[chunk.stop] = View(
                num_samples=chunk.stop,
                discriminants=clean / chunk.stop,
                slopes={ray: total / chunk.stop for ray, total in slopes.items()},
                predicted={
                    ray: tuple(total.argmax(-1) for total in totals)
                    for ray, totals in moved.items()
                },
            )
    require_finite(clean)
    return [views[size] for size in sizes]
