"""The confidence of an interval: between 0 and 1, not a percentage."""

from pyrosnn.errors import require


def require_confidence(confidence: float) -> None:
    """Refuse a confidence that is not between 0 and 1.

    Args:
        confidence: 1 - α.

    Raises:
        ArgumentError: ``confidence must be between 0 and 1, got 95``.

    Example:
        >>> require_confidence(0.95)
    """
    require(0 < confidence < 1, f"confidence must be between 0 and 1, got {confidence}")
