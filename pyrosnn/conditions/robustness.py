"""The robustness conditions of theorems 4.1 and 4.2."""

import torch

from pyrosnn.attacks import AttackResult
from pyrosnn.conditions.geometry import Geometry
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
    for linear discriminant functions it is necessary and sufficient.

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
    c ≠ y, which is $\min_c r_c > \|\delta\|_2$ of the paper: sufficient, not necessary.

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
    r"""Return $r_c$ of theorem 4.2 for all classes, ∞ at c = y.

    Args:
        geometry: the attack as the inference set sees it.
        attack: the attack whose δ is judged; only its length ‖δ‖₂ counts beside the geometry.
        smoothness: L of the difference f_y - f_c.
    """
    denominator = geometry.slopes + smoothness / 2 * attack.length.double().unsqueeze(-1)
    radii = torch.where(denominator > 0, geometry.margins / denominator, torch.inf)
    return radii.masked_fill(one_hot(geometry.label, radii).bool(), torch.inf)


def _all_positive(geometry: Geometry, attack: AttackResult, *, curvature: float) -> Condition:
    step = attack.length.double().unsqueeze(-1)
    bounds = geometry.margins - step * geometry.slopes - curvature * step.square()
    others = bounds.masked_fill(one_hot(geometry.label, bounds).bool(), torch.inf)
    return geometry.correct & (others > 0).all(-1)
