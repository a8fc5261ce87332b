"""The finding of a check: a status, the number behind it, and one sentence."""

from dataclasses import dataclass

# from good to bad; ``skipped`` says nothing of either
STATUSES = ("skipped", "pass", "warn", "fail")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The finding of one check.

    Attributes:
        name: the check's name in ``CHECKS``; its section in the documentation explains it.
        status: ``pass``, ``warn``, ``fail``, or ``skipped`` where something needed is missing.
        value: the number behind the status; None where the check was skipped.
        message: one sentence: what the number is, and what it means, or what is missing.
        reason: in a few words what speaks against the evaluation, for the verdict; where it is
            empty, those that ``REASONS`` has for the check.
    """

    name: str
    status: str
    value: float | None
    message: str
    reason: str = ""


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
