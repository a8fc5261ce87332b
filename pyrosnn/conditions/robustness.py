"""The robustness conditions of theorems 4.1 and 4.2, and the interval condition."""

import torch

from pyrosnn.attacks import AttackResult
from pyrosnn.conditions.geometry import Geometry
from pyrosnn.conditions.interval import interval_radius
from pyrosnn.errors import require
from pyrosnn.outputs.algebra import one_hot
from pyrosnn.settings import checked_arguments
from pyrosnn.shapes import Flags, PerClass

Condition = Flags


@checked_arguments
def linear_condition(geometry: Geometry, attack: AttackResult) -> Condition:
    r"""Whether the first-order prediction of every margin stays positive (theorem 4.1).

    $f_y - f_c + \langle \nabla (f_y - f_c), \delta \rangle > 0$ for all c ≠ y, given that x is
    correct under A and under I. This is $\min_c \tilde r_c > \|\delta\|_2$ of the paper, and
    for linear discriminant functions it is necessary and sufficient. It never holds for an image
    that the attack left where it was at η > 0: nothing was tried on it.

    Args:
        geometry: the attack as the inference set sees it.
        attack: the attack whose δ is judged; only its length ‖δ‖₂ counts beside the geometry.

    Returns:
        For each image, whether the condition holds.
    """
    return _all_positive(geometry, attack, curvature=0.0)


@checked_arguments
def smooth_condition(geometry: Geometry, attack: AttackResult, smoothness: float) -> Condition:
    r"""Whether the prediction must withstand δ if its margins are L-smooth (theorem 4.2).

    $f_y - f_c + \langle \nabla (f_y - f_c), \delta \rangle - \frac L2 \|\delta\|_2^2 > 0$ for all
    c ≠ y, which is $\min_c r_c > \|\delta\|_2$ of the paper: sufficient, not necessary. As the
    linear condition, it never holds for an image that the attack left where it was at η > 0.

    Args:
        geometry: the attack as the inference set sees it.
        attack: the attack whose δ is judged; only its length ‖δ‖₂ counts beside the geometry.
        smoothness: L, the Lipschitz constant of the gradient of the **difference** f_y - f_c
            (2 L of definition 4.1, where each f_c has its own).

    Raises:
        ArgumentError: ``smoothness must be >= 0, got -1``.
    """
    require(smoothness >= 0, f"smoothness must be >= 0, got {smoothness}")
    return _all_positive(geometry, attack, curvature=smoothness / 2)


def smooth_radii(geometry: Geometry, attack: AttackResult, smoothness: float) -> PerClass:
    r"""Return $r_c$ of theorem 4.2 for all classes, ∞ at c = y; NaN where nothing was tried.

    Args:
        geometry: the attack as the inference set sees it.
        attack: the attack whose δ is judged; only its length ‖δ‖₂ counts beside the geometry.
        smoothness: L of the difference f_y - f_c.
    """
    denominator = geometry.slopes + smoothness / 2 * attack.length.double().unsqueeze(-1)
    radii = torch.where(denominator > 0, geometry.margins / denominator, torch.inf)
    radii = radii.masked_fill(attack.unmoved.unsqueeze(-1), torch.nan)
    return radii.masked_fill(one_hot(geometry.label, radii).bool(), torch.inf)


@checked_arguments
def interval_condition(geometry: Geometry, attack: AttackResult, variance: float) -> Condition:
    r"""Whether the prediction must withstand δ if it is averaged over Gaussian noise on the image.

    It uses margin and slope, as theorem 4.2 does, and is the best condition that the two allow:
    it holds wherever theorem 4.2 does with any valid L. Like it, it is sufficient for the exact
    expectation of a classifier in [0, 1], not for an estimate from a few noises. As the linear
    condition, it never holds for an image that the attack left where it was at η > 0.

    Args:
        geometry: the attack as the inference set sees it.
        attack: the attack whose δ is judged; only its length ‖δ‖₂ counts beside the geometry.
        variance: σ² of the noise, see :func:`pyrosnn.models.input_noise.input_variance`.

    Raises:
        ArgumentError: ``variance must be > 0, got 0``.
    """
    radius = interval_radii(geometry, variance).amin(-1)
    return geometry.correct & ~attack.unmoved & (radius > attack.length.double())


def interval_radii(geometry: Geometry, variance: float) -> PerClass:
    """Return how far along δ the bound of every margin stays positive, ∞ at c = y.

    Args:
        geometry: the attack as the inference set sees it.
        variance: σ² of the noise, in squared pixel units.

    Raises:
        ArgumentError: ``variance must be > 0, got 0``.
    """
    require(variance > 0, f"variance must be > 0, got {variance}")
    margins, slopes = geometry.margins, geometry.slopes
    found = interval_radius(margins.cpu().numpy(), slopes.cpu().numpy(), variance)
    radii = torch.from_numpy(found).to(margins.device)
    return radii.masked_fill(one_hot(geometry.label, radii).bool(), torch.inf)


def _all_positive(geometry: Geometry, attack: AttackResult, *, curvature: float) -> Condition:
    step = attack.length.double().unsqueeze(-1)
    bounds = geometry.margins - step * geometry.slopes - curvature * step.square()
    others = bounds.masked_fill(one_hot(geometry.label, bounds).bool(), torch.inf)
    return geometry.correct & ~attack.unmoved & (others > 0).all(-1)
