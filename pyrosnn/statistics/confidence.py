"""The confidence of an interval: between 0 and 1, not a percentage."""

from numbers import Real
from typing import Any

from pyrosnn.errors import brief, require


def require_confidence(confidence: Any) -> None:
    """Refuse a confidence that is not between 0 and 1.

    Args:
        confidence: 1 - α.

    Raises:
        ArgumentError: ``confidence must be between 0 and 1, got 95``.

    Example:
        >>> require_confidence(0.95)
    """
    inside = isinstance(confidence, Real) and 0 < float(confidence) < 1
    require(inside, f"confidence must be between 0 and 1, got {brief(confidence)}")
