"""Where an inference set looks, so that it judges an attack at every strength."""

from collections.abc import Sequence

from torch import Tensor

from pyrosnn.attacks import AttackResult
from pyrosnn.conditions import Ray


def rays_of(
    x: Tensor,
    results: Sequence[AttackResult],
    strengths: Sequence[float],
    direction: Tensor | None,
    judged_bounds: tuple[float, float] | None,
) -> list[Ray]:
    """Return the rays on which an attack's results lie.

    Args:
        x: images.
        results: what the attack returned for each strength.
        strengths: the strengths.
        direction: δ at strength 1, if δ is linear in the strength; else None.
        judged_bounds: bounds that x + δ is clipped to before it is judged.

    Returns:
        Rays with one measured ray for all strengths, if there is such a direction, or one for
        each; their points, taken together, are the attacked images in the order of strengths.
    """
    if judged_bounds is not None:
        directions = [r.perturbation for r in results] if direction is None else [direction]
        attacked = [(x + r.perturbation).clamp(*judged_bounds) for r in results]
        return [
            *(Ray(direction=along) for along in directions),
            *(Ray(direction=image - x, points=(1.0,), measured=False) for image in attacked),
        ]
    if direction is None:
        return [Ray(direction=result.perturbation, points=(1.0,)) for result in results]
    return [Ray(direction=direction, points=tuple(strengths))]
