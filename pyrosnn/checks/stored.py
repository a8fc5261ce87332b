"""Findings in a result file: written beside its values, and read again."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from pyrosnn.checks.finding import STATUSES, Finding
from pyrosnn.errors import require
from pyrosnn.results import make_dataset

STORED = "checks"


def findings_dataset(findings: Sequence[Finding]) -> xr.Dataset:
    """Return findings as the group ``checks`` of a result.

    Args:
        findings: at least one, each of another check.

    Raises:
        ArgumentError: for no findings, or two of one check.

    Example:
        >>> found = Finding(name="replay", status="pass", value=0.0, message="it is the same")
        >>> findings_dataset([found]).sel(check="replay")["check_status"].item()
        'pass'
    """
    names = [finding.name for finding in findings]
    require(len(names) > 0, "got no findings; expected at least one")
    require(len(set(names)) == len(names), f"got two findings of one check: {', '.join(names)}")
    values = {
        "check_status": np.array([finding.status for finding in findings]),
        "check_value": np.array(
            [np.nan if finding.value is None else finding.value for finding in findings]
        ),
        "check_message": np.array([finding.message for finding in findings]),
    }
    return make_dataset(values, {"check": np.array(names)})


def stored_findings(result: xr.DataTree) -> list[Finding]:
    """Return the findings in a result's group ``checks``; none if it has no such group.

    A status that is none of ``STATUSES`` counts as ``skipped``.

    Args:
        result: what ``open_results`` or ``make_result`` returned.

    Example:
        >>> stored_findings(xr.DataTree())
        []
    """
    if STORED not in result.children:
        return []
    values = result[STORED].dataset
    names = ("check", "check_status", "check_value", "check_message")
    return [
        Finding(
            name=str(name),
            status=str(status) if str(status) in STATUSES else "skipped",
            value=None if np.isnan(value) else float(value),
            message=str(message),
        )
        for name, status, value, message in zip(*(values[n].values for n in names), strict=True)
    ]
