"""Margins, slopes and angles of an attack, seen by an inference set."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pyrosnn.attacks import AttackResult
from pyrosnn.attacks.norms import length, unit
from pyrosnn.data.dataset import check_batch
from pyrosnn.errors import require
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.outputs import margin_cotangent, margins_and_slopes, one_hot
from pyrosnn.sampling import SampleSet, replay_pullback, replay_pushforward, require_disjoint

PerImage = Float[Tensor, " example"]
PerClass = Float[Tensor, "example class_"]


@dataclass(frozen=True, kw_only=True)
class Geometry:
    r"""What decides whether an attack along δ succeeds, to first order; float64.

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

    label: Int[Tensor, " example"]
    margins: PerClass
    slopes: PerClass
    radii: PerClass
    nearest: Int[Tensor, " example"]
    margin: PerImage
    gradient_norm: PerImage
    cosine: PerImage
    correct_inference: Bool[Tensor, " example"]
    correct_attack: Bool[Tensor, " example"]

    @property
    def radius(self) -> PerImage:
        """The smallest r̃_c: distance to the nearest boundary along δ, to first order."""
        return self.radii.amin(-1)

    @property
    def correct(self) -> Bool[Tensor, " example"]:
        """Correct under A and under I: the premise of theorems 4.1 and 4.2."""
        return self.correct_attack & self.correct_inference


def attack_geometry(
    classifier: StochasticClassifier,
    x: Tensor,
    y: Tensor,
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
        attack: what the attack returned.
        samples: the inference set I.

    Raises:
        ArgumentError: for bad images or labels, or samples of another classifier.
        OverlapError: if the attack was computed on some of these samples.

    References:
        Däubener & Fischer 2022, theorem 4.1.
    """
    check_batch(
        x,
        y,
        num_classes=classifier.num_classes,
        image_shape=classifier.image_shape,
        dtype=classifier.dtype,
    )
    require(
        attack.perturbation.shape == x.shape,
        f"the attack was on {len(attack.perturbation)} images, got {len(x)}",
    )
    require_disjoint(attack.origin, samples.origin)
    samples.require_fit(classifier, len(x))
    direction = unit(attack.perturbation)
    logits, tangents = replay_pushforward(classifier, x, samples, direction)
    margins, slopes, correct = margins_and_slopes(logits, tangents, y, classifier.output)
    label = one_hot(y, margins).bool()
    radii = torch.where(slopes > 0, margins / slopes, torch.inf).masked_fill(label, torch.inf)
    nearest = _nearest_class(margins, slopes, radii, label)

    cotangents = margin_cotangent(logits, y, nearest, classifier.output)
    gradient, scale = replay_pullback(classifier, x, samples, cotangents)
    gradient_norm = scale * length(gradient.double())

    column = nearest.unsqueeze(-1)
    slope = slopes.gather(-1, column).squeeze(-1)
    defined = (gradient_norm > 0) & (attack.length > 0)
    # rounding of the float32 products may leave [-1, 1] by an ulp
    cosine = (slope / gradient_norm).clamp(-1.0, 1.0)
    return Geometry(
        label=y,
        margins=margins,
        slopes=slopes,
        radii=radii,
        nearest=nearest,
        margin=margins.gather(-1, column).squeeze(-1),
        gradient_norm=gradient_norm,
        cosine=torch.where(defined, cosine, torch.nan),
        correct_inference=correct,
        correct_attack=attack.correct,
    )


def _nearest_class(margins: Tensor, slopes: Tensor, radii: Tensor, label: Tensor) -> Tensor:
    """Return argmin r̃_c; by slope / margin where every r̃_c is infinite."""
    closeness = (slopes / margins.abs().clamp(min=torch.finfo(margins.dtype).tiny)).masked_fill(
        label, -torch.inf
    )
    finite = torch.isfinite(radii).any(-1)
    return torch.where(finite, radii.argmin(-1), closeness.argmax(-1))
