"""The sizes of an attack's steps, as shares of its strength."""

from pyrosnn.errors import require


def require_reach(steps: int, relative_step: float) -> None:
    """Refuse steps that cannot reach the strength.

    Args:
        steps: number of steps.
        relative_step: step size as a share of the strength.

    Raises:
        ArgumentError: with what would reach it.

    Example:
        >>> require_reach(100, 0.02)
    """
    reach = steps * relative_step
    require(
        reach >= 1 - 1e-9,  # as 49 steps of 1 / 49 do
        f"{steps} steps of {relative_step:g} η reach {reach:g} η at most; give more "
        f"steps, or relative_step >= {1 / steps:.3g} ({2 / steps:.3g} is usual)",
    )
