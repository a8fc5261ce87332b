"""Findings and verdicts as JSON, in a form that does not change."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from pyrosnn.checks.finding import Finding
from pyrosnn.checks.verdict import reason, verdict_on

# Raised when a key changes its meaning or goes; keys may be added.
VERSION = 1


def findings_as_json(checked: Mapping[str, Sequence[Finding]]) -> str:
    """Return findings of results as JSON.

    The object has ``version`` and ``results``, in the order given. Each result has its ``file``,
    ``status`` (the worst), ``verdict`` (a sentence), ``reasons`` (each with ``check``, ``status``
    and ``reason``) and ``findings`` (each with ``check``, ``status``, ``value`` and ``message``). A
    value that is no finite number is null.

    Args:
        checked: findings by the name of the file.

    Example:
        >>> found = Finding(name="replay", status="pass", value=0.0, message="it is the same")
        >>> json.loads(findings_as_json({"a.nc": [found]}))["results"][0]["status"]
        'pass'
    """
    results = [_as_object(file, findings) for file, findings in checked.items()]
    return json.dumps({"version": VERSION, "results": results}, ensure_ascii=False, indent=2)


def _as_object(file: str, findings: Sequence[Finding]) -> dict[str, Any]:
    verdict = verdict_on(findings)
    return {
        "file": file,
        "status": verdict.status,
        "verdict": str(verdict),
        "reasons": [
            {"check": one.name, "status": one.status, "reason": reason(one)}
            for one in verdict.against
        ],
        "findings": [
            {
                "check": one.name,
                "status": one.status,
                "value": one.value if one.value is not None and math.isfinite(one.value) else None,
                "message": one.message,
            }
            for one in findings
        ],
    }
