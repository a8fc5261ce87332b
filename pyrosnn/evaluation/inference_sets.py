"""Several inference sets at once: how each of them sees the direction of any attack."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pyrosnn.attacks.norms import length, unit
from pyrosnn.conditions import met_first, radii_of
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.outputs import discriminants_of
from pyrosnn.outputs.algebra import one_hot, sum_samples
from pyrosnn.sampling import AfterTrunk, DifferentiableChunk, SampleSet, ScaledSum, replay
from pyrosnn.sampling.replay import GRADIENTS, require_finite
from pyrosnn.shapes import Images, Labels

# Of more classes, those that are nearest to the image itself are kept.
MOST_CLASSES = 10


@dataclass(frozen=True, kw_only=True)
class InferenceSets:
    r"""Distances and directions of the boundaries that several inference sets see.

    They are enough for the cosine of any direction, without another gradient: for the class
    $j = \arg\min_c \tilde r_c$, as in :func:`pyrosnn.conditions.attack_geometry`.

    Attributes:
        distances: $(f_y - f_c) / \|\nabla (f_y - f_c)\|_2$, float64, shape (example, set, class);
            infinite where there is no gradient.
        ascents: $-\nabla (f_y - f_c)$ at a length of 1, shape (example, set, class, entry).
    """

    distances: Tensor
    ascents: Tensor

    def cosines(self, directions: Tensor) -> Tensor:
        """Return the cosine of each direction with the boundary that it meets first.

        Args:
            directions: at a length of 1 or 0, shape (direction, example, *image).

        Returns:
            Shape (direction, set, example), float64; NaN where either has no direction.
        """
        examples, sets, classes, entries = self.ascents.shape
        along = directions.flatten(2).to(self.ascents.dtype).permute(1, 2, 0)
        products = (self.ascents.reshape(examples, sets * classes, entries) @ along).double()
        slopes = products.reshape(examples, sets, classes, -1).permute(3, 1, 0, 2)
        distances = self.distances.transpose(0, 1)
        nearest = met_first(distances, slopes, radii_of(distances, slopes)).unsqueeze(-1)
        cosines = slopes.gather(-1, nearest).squeeze(-1)
        known = distances.expand_as(slopes).gather(-1, nearest).squeeze(-1).isfinite()
        moved = (directions.flatten(2) != 0).any(-1).unsqueeze(1)
        return torch.where(known & moved, cosines.clamp(-1.0, 1.0), torch.nan)


def inference_sets(
    classifier: StochasticClassifier, x: Images, y: Labels, samples: SampleSet, size: int
) -> InferenceSets:
    """Measure the boundaries around images, with as many sets as the samples make.

    Args:
        classifier: the classifier.
        x: images.
        y: labels.
        samples: a multiple of ``size``.
        size: S_I, the samples of each set.

    Raises:
        ArgumentError: for samples of another classifier.
        NotFiniteError: for logits or gradients that are NaN or infinite.
    """
    samples.require_fit(classifier, len(x))
    f = discriminants_of(classifier.output)
    images = AfterTrunk(classifier, x, samples.memory_budget)
    classes = _candidates(classifier, images, y, samples[:size])
    distances, ascents = [], []
    for start in range(0, len(samples), size):
        values = torch.zeros(len(x), classifier.num_classes, dtype=torch.float64, device=x.device)
        sums = [ScaledSum(images) for _ in classes]
        for chunk in replay(classifier, len(x), samples[start : start + size]):
            part = DifferentiableChunk(chunk, images)
            values += sum_samples(f.values(part.logits))
            for total, c in zip(sums, classes, strict=True):
                total.add(part, f.margin_cotangent(part.logits, y, c))
        require_finite(values)
        gradients = torch.stack([total.value for total in sums], 1)
        require_finite(gradients, GRADIENTS)
        scales = torch.stack([total.scale for total in sums], 1)
        norms = scales * length(gradients.flatten(0, 1)).double().reshape(scales.shape)
        margins = torch.stack(
            [(values.gather(1, y[:, None]) - values.gather(1, c[:, None]))[:, 0] for c in classes],
            1,
        )
        distances.append(torch.where(norms > 0, margins / norms, torch.inf))
        ascents.append(-unit(gradients.flatten(0, 1)).reshape(*scales.shape, -1))
    return InferenceSets(distances=torch.stack(distances, 1), ascents=torch.stack(ascents, 1))


def _candidates(
    classifier: StochasticClassifier, images: AfterTrunk, y: Labels, samples: SampleSet
) -> list[Labels]:
    """Return the classes c to consider, one of each image at a time: those likeliest by f_c."""
    f = discriminants_of(classifier.output)
    number = min(classifier.num_classes - 1, MOST_CLASSES)
    values = sum(
        sum_samples(f.values(chunk.logits(images.values)))
        for chunk in replay(classifier, len(images.x), samples)
    )
    assert isinstance(values, Tensor)
    others = values.masked_fill(one_hot(y, values).bool(), -torch.inf)
    return list(others.topk(number, dim=1).indices.unbind(1))
