"""The finding of a check: a status, the number behind it, and one sentence."""

from dataclasses import dataclass

from pyrosnn.settings import RightlyCalled

# from good to bad; ``skipped`` says nothing of either
STATUSES = ("skipped", "pass", "warn", "fail")
# Shares, cosines and differences of these that are smaller are the rounding of a zero.
ROUNDING = 1e-12


@dataclass(frozen=True, kw_only=True)
class Finding(metaclass=RightlyCalled):
    """The finding of one check.

    Attributes:
        name: the check's name in ``CHECKS``; its section in the documentation explains it.
        status: ``pass``, ``warn``, ``fail``, or ``skipped`` where something needed is missing.
        value: the number behind the status, 0 for what is but rounding; None where the check was
            skipped.
        message: one sentence: what the number is, and what it means, or what is missing.
        reason: in a few words what speaks against the evaluation, for the verdict; where it is
            empty, those that ``REASONS`` has for the check.
    """

    name: str
    status: str
    value: float | None
    message: str
    reason: str = ""

    def __post_init__(self) -> None:
        """Make a zero of rounding."""
        if isinstance(self.value, float):
            object.__setattr__(self, "value", without_rounding(self.value))


def without_rounding(value: float) -> float:
    """Return a share, a cosine or a difference of these; 0 where it is but rounding.

    Args:
        value: the number.

    Example:
        >>> without_rounding(0.1 + 0.2 - 0.3), without_rounding(-1e-6)
        (0.0, -1e-06)
    """
    return 0.0 if abs(value) < ROUNDING else value


def in_percent(share: float) -> str:
    """Return a share in whole percent; one below 1 % by its first digit, and not as 0 %.

    Args:
        share: the share.

    Example:
        >>> in_percent(0.62), in_percent(0.003), in_percent(0.0), in_percent(1.0)
        ('62%', '0.3%', '0%', '100%')
    """
    return f"{100 * share:.1g}%" if 0 < share < 0.01 else f"{share:.0%}"


def skipped(name: str, missing: str) -> Finding:
    """Return the finding of a check that could not be made.

    Args:
        name: the check's name.
        missing: what it needs, and what was there.

    Example:
        >>> skipped("attack-samples", "needs two sizes, has one").status
        'skipped'
    """
    return Finding(name=name, status="skipped", value=None, message=missing)
