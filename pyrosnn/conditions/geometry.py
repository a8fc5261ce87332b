"""Margins, slopes and angles of an attack on an inference set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pyrosnn.attacks import AttackResult
from pyrosnn.attacks.norms import length
from pyrosnn.conditions.linearization import Line, Linearization, linearize
from pyrosnn.errors import NotFiniteError, not_finite, require
from pyrosnn.models.batch import batch_for
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.neutral import neutral
from pyrosnn.outputs import discriminants_of
from pyrosnn.outputs.algebra import one_hot
from pyrosnn.sampling import (
    AfterTrunk,
    DifferentiableChunk,
    SampleSet,
    ScaledSum,
    replay,
    require_disjoint,
)
from pyrosnn.sampling.replay import GRADIENTS, require_finite
from pyrosnn.settings import RightlyCalled, checked_arguments
from pyrosnn.shapes import Flags, Images, ImagesLike, Labels, LabelsLike, PerClass, PerImage


@dataclass(frozen=True, kw_only=True)
class Geometry(metaclass=RightlyCalled):
    r"""The quantities that decide, to first order, whether an attack along δ succeeds; float64.

    None of it depends on the length of δ, only on its direction.

    Attributes:
        label: y, the true class.
        margins: $f_y - f_c$ for all classes c; 0 at c = y.
        slopes: $\langle -\nabla(f_y - f_c), \delta / \|\delta\|_2 \rangle$; 0 at c = y.
        radii: $\tilde r_c$ of theorem 4.1, ∞ where the slope is ≤ 0 and at c = y.
        nearest: j = argmin_c r̃_c, the class whose boundary is met first. Where all r̃_c are
            ∞, the class with the largest slope / margin, which is the same rule carried on.
        margin: f_y - f_j.
        gradient_norm: ‖∇(f_y - f_j)‖₂.
        cosine: cosine of the angle between -∇(f_y - f_j) and δ; NaN where either is 0.
        correct_inference: whether the inference set classifies x correctly.
        correct_attack: whether the attack set classifies x correctly.
    """

    label: Labels
    margins: PerClass
    slopes: PerClass
    radii: PerClass
    nearest: Labels
    margin: PerImage
    gradient_norm: PerImage
    cosine: PerImage
    correct_inference: Flags
    correct_attack: Flags

    @property
    def radius(self) -> PerImage:
        """The smallest r̃_c: distance to the nearest boundary along δ, to first order."""
        return self.radii.amin(-1)

    @property
    def correct(self) -> Flags:
        """Correct under A and under I: the premise of theorems 4.1 and 4.2."""
        return self.correct_attack & self.correct_inference


@checked_arguments
@neutral
def attack_geometry(
    classifier: StochasticClassifier,
    x: ImagesLike,
    y: LabelsLike,
    attack: AttackResult,
    samples: SampleSet,
) -> Geometry:
    """Measure an attack with the samples of an inference set.

    One Jacobian–vector product of the mean prediction gives the slopes of all classes; one
    vector–Jacobian product gives the norm for the nearest class.

    Args:
        classifier: the classifier.
        x: images before the attack, shape (example, *image).
        y: labels, shape (example,).
        attack: result of the attack.
        samples: the inference set I.

    Raises:
        ArgumentError: for bad images or labels, or samples of another classifier.
        OverlapError: if the attack was computed on some of these samples.

    References:
        Däubener & Fischer 2022, theorem 4.1.
    """
    x, y = batch_for(classifier, x, y)
    require_judgeable(classifier, x, [attack], samples)
    line = Line(direction=attack.perturbation)
    linearizations = linearize(classifier, x, y, [line], samples, [len(samples)])
    return geometries(classifier, x, y, {line: attack.correct}, linearizations, samples)[0][line]


def require_judgeable(
    classifier: StochasticClassifier,
    x: Images,
    attacks: Sequence[AttackResult],
    samples: SampleSet,
) -> None:
    """Refuse attacks or an inference set that are not of these images.

    Raises:
        ArgumentError: for an attack on other images, or samples of another classifier.
        OverlapError: if an attack was computed on some of these samples.
    """
    for attack in attacks:
        require(
            attack.step.shape == x.shape,
            f"the attack was on {len(attack.step)} images, got {len(x)}"
            if len(attack.step) != len(x)
            else f"the attack was on images of shape {tuple(attack.step.shape[1:])}, got "
            f"{tuple(x.shape[1:])}",
        )
        require_disjoint(attack.origin, samples.origin)
    samples.require_fit(classifier, len(x))


def geometries(
    classifier: StochasticClassifier,
    x: Tensor,
    y: Tensor,
    correct: Mapping[Line, Flags],
    linearizations: Sequence[Linearization],
    samples: SampleSet,
) -> list[dict[Line, Geometry]]:
    """Measure attacks from the values and slopes along their directions.

    Args:
        classifier: the classifier.
        x: images before the attacks.
        y: labels.
        correct: for each measured line, whether the attack set classifies x correctly.
        linearizations: predictions and slopes of the first samples of I, see :func:`linearize`.
        samples: the inference set I.

    Returns:
        For each linearization, the geometry along each line.
    """
    seen = [
        {line: first_order(y, linearization, line, known) for line, known in correct.items()}
        for linearization in linearizations
    ]
    norms = margin_gradient_norms(
        classifier,
        x,
        y,
        [torch.stack([g.nearest for g in along.values()]) for along in seen],
        samples,
        [linearization.num_samples for linearization in linearizations],
    )
    return [
        {
            line: _with_norm(geometry, norm, line)
            for (line, geometry), norm in zip(along.items(), norms_along, strict=True)
        }
        for along, norms_along in zip(seen, norms, strict=True)
    ]


def first_order(y: Tensor, linearization: Linearization, line: Line, correct: Tensor) -> Geometry:
    """Return the geometry with NaN for the quantities that need the gradient's norm.

    Args:
        y: labels.
        linearization: predictions and slopes of the samples.
        line: a measured line along the attack.
        correct: whether the attack set classifies x correctly.
    """
    f, slopes = linearization.discriminants, linearization.slopes[line]
    lengths = line.length.double().unsqueeze(-1)
    slopes = slopes / torch.where(lengths > 0, lengths, torch.ones_like(lengths))
    margins = f.gather(-1, y.unsqueeze(-1)) - f
    label = one_hot(y, margins).bool()
    radii = radii_of(margins, slopes).masked_fill(label, torch.inf)
    nearest = met_first(margins, slopes, radii, label)
    unknown = torch.full_like(margins[:, 0], torch.nan)
    return Geometry(
        label=y,
        margins=margins,
        slopes=slopes,
        radii=radii,
        nearest=nearest,
        margin=margins.gather(-1, nearest.unsqueeze(-1)).squeeze(-1),
        gradient_norm=unknown,
        cosine=unknown,
        correct_inference=f.argmax(-1) == y,
        correct_attack=correct,
    )


def _with_norm(geometry: Geometry, norm: Tensor, line: Line) -> Geometry:
    """Return the geometry with the norm of the nearest class's gradient, and the cosine."""
    slope = geometry.slopes.gather(-1, geometry.nearest.unsqueeze(-1)).squeeze(-1)
    defined = (norm > 0) & (line.length > 0)
    # rounding of the float32 products may leave [-1, 1] by an ulp
    cosine = torch.where(defined, (slope / norm).clamp(-1.0, 1.0), torch.nan)
    return replace(geometry, gradient_norm=norm, cosine=cosine)


def margin_gradient_norms(
    classifier: StochasticClassifier,
    x: Tensor,
    y: Tensor,
    classes: Sequence[Tensor],
    samples: SampleSet,
    sizes: Sequence[int],
) -> list[Tensor]:
    r"""Return $\|\nabla (f_y - f_c)\|_2$ of the mean prediction for given classes c.

    An image's gradient for a class is computed once, however often the class is asked for.

    Args:
        classifier: the classifier.
        x: images.
        y: labels.
        classes: c, shape (line, example), for each of the sizes.
        samples: the sample set.
        sizes: numbers of its first samples.

    Returns:
        Norms, float64, shape (line, example), for each of the sizes.
    """
    image = torch.arange(len(x), device=x.device)
    pairs = torch.stack([image * classifier.num_classes + c for c in classes])
    distinct, where = torch.unique(pairs, return_inverse=True)
    rows, c = distinct // classifier.num_classes, distinct % classifier.num_classes
    x, y = x[rows], y[rows]
    images = AfterTrunk(classifier, x, samples.memory_budget)
    f, total = discriminants_of(classifier.output), ScaledSum(images)
    norms: dict[int, Tensor] = {}
    for chunk in replay(classifier, len(rows), samples[: max(sizes)], stops=sizes, rows=rows):
        part = DifferentiableChunk(chunk, images)
        total.add(part, f.margin_cotangent(part.logits, y, c))
        if chunk.stop in sizes:
            whole = samples[: chunk.stop].total
            norms[chunk.stop] = total.scale * length(total.value.double()) / whole
    try:
        require_finite(torch.stack(list(norms.values()), 1), GRADIENTS)
    except NotFiniteError as error:
        bad = sorted(set(rows[torch.tensor(error.images, device=rows.device)].tolist()))
        raise not_finite(GRADIENTS, bad, len(image)) from None
    return [norms[size][index] for size, index in zip(sizes, where, strict=True)]


def radii_of(margins: Tensor, slopes: Tensor) -> Tensor:
    r"""Return $\tilde r_c$, margin / slope; ∞ where the slope is ≤ 0.

    Args:
        margins: f_y - f_c, shape (…, class).
        slopes: of a decrease along a direction of length 1, shape (…, class).
    """
    return torch.where(slopes > 0, margins / slopes, torch.inf)


def met_first(
    margins: Tensor, slopes: Tensor, radii: Tensor, label: Tensor | None = None
) -> Tensor:
    """Return argmin r̃_c; by slope / margin where every r̃_c is infinite.

    Args:
        margins: see :func:`radii_of`.
        slopes: likewise.
        radii: what it returned.
        label: where c = y, which is never met; None if no class is y.
    """
    closeness = slopes / margins.abs().clamp(min=torch.finfo(margins.dtype).tiny)
    if label is not None:
        closeness = closeness.masked_fill(label, -torch.inf)
    finite = torch.isfinite(radii).any(-1)
    return torch.where(finite, radii.argmin(-1), closeness.argmax(-1))
