"""The findings of a result: those that it holds, or those that its values give."""

import numpy as np
import xarray as xr

from pyrosnn.checks import STATUSES, Finding
from pyrosnn.checks.on_result import check_result
from pyrosnn.plots.style import count
from pyrosnn.results import GROUP


def findings_of(result: xr.DataTree) -> list[Finding]:
    """Return the findings of a result; none for a study that attacks no images.

    Args:
        result: a result.
    """
    if "checks" not in result.children:
        return check_result(result) if GROUP in result.children else []
    checks = result["checks"].dataset
    return [
        Finding(
            name=str(name),
            status=str(status) if str(status) in STATUSES else "skipped",
            value=None if np.isnan(value) else float(value),
            message=str(message),
        )
        for name, status, value, message in zip(
            checks["check"].values,
            checks["check_status"].values,
            checks["check_value"].values,
            checks["check_message"].values,
            strict=True,
        )
    ]


def checks_in_words(result: xr.DataTree) -> list[str]:
    """Return what the checks say in a sentence; nothing where there are none.

    Args:
        result: a result.
    """
    findings = findings_of(result)
    failed = [finding.name for finding in findings if finding.status == "fail"]
    warned = [finding.name for finding in findings if finding.status == "warn"]
    if not findings:
        return []
    sentence = f"{count(len(failed), 'check')} failed: {', '.join(failed)}"
    sentence = sentence if failed else "No check failed"
    return [f"{sentence}; {len(warned)} warned: {', '.join(warned)}." if warned else f"{sentence}."]
