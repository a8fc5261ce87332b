"""The lines along which an inference set judges an attack at every strength."""

from collections.abc import Sequence

from torch import Tensor

from pyrosnn.attacks import AttackResult
from pyrosnn.conditions import Line


def attack_lines(
    x: Tensor,
    results: Sequence[AttackResult],
    strengths: Sequence[float],
    direction: Tensor | None,
    judged_bounds: tuple[float, float] | None,
) -> list[Line]:
    """Return the lines on which an attack's results lie.

    Args:
        x: images.
        results: what the attack returned for each strength.
        strengths: the strengths.
        direction: δ at strength 1, if δ is linear in the strength; else None.
        judged_bounds: bounds that x + δ is clipped to before it is judged.

    Returns:
        Lines with one measured line for all strengths, if there is such a direction, or one for
        each; their points, taken together, are the attacked images in the order of strengths.
    """
    if judged_bounds is not None:
        directions = [r.perturbation for r in results] if direction is None else [direction]
        attacked = [(x + r.perturbation).clamp(*judged_bounds) for r in results]
        return [
            *(Line(direction=along) for along in directions),
            *(Line(direction=image - x, points=(1.0,), measured=False) for image in attacked),
        ]
    if direction is None:
        return [Line(direction=result.perturbation, points=(1.0,)) for result in results]
    return [Line(direction=direction, points=tuple(strengths))]
