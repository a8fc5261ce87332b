"""The findings of a result: those that its values give, and those that it holds."""

import xarray as xr

from pyrosnn.checks import Finding, verdict_on
from pyrosnn.checks.on_result import CHECKED, check_result
from pyrosnn.plots.style import count


def findings_of(result: xr.DataTree) -> list[Finding]:
    """Return the findings of a result; none for a study that attacks no images.

    Args:
        result: a result.
    """
    return check_result(result) if CHECKED & {*result.children} else []


def checks_in_words(result: xr.DataTree) -> list[str]:
    """Return what the checks say, and their verdict; nothing where there are none.

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
    skipped = sum(finding.status == "skipped" for finding in findings)
    sentence += f" ({skipped} of {len(findings)} skipped)" if skipped else ""
    sentence += f"; {len(warned)} warned: {', '.join(warned)}" if warned else ""
    return [f"{sentence}.", str(verdict_on(findings))]
