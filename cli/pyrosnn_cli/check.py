"""`pyrosnn check FILE`: sanity checks of a result."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pyrosnn.checks import Finding


def check(
    file: Annotated[Path, typer.Argument(help="A result (*.nc) of a study that attacks images.")],
) -> None:
    """Check a result for common faults of an evaluation.

    The faults are perturbations shorter than η, zero gradients, too few attack
    samples, an accuracy that rises, and an attack judged on its own samples; in
    a result of the standard protocol, an attack that fits its selection set, or
    that breaks no more than noise. Findings stored with the result follow.
    Each check has a number and a status: pass, warn, fail, or skipped where the
    file lacks the values. The page "Checks" of the documentation explains each
    check. The exit status is 1 if a check failed.
    """
    from pyrosnn.checks.on_result import check_result
    from pyrosnn.results import open_results
    from pyrosnn_cli.show import whole

    with whole(file):
        findings = check_result(open_results(file))
    show_findings(f"{file}", findings)
    if any(finding.status == "fail" for finding in findings):
        raise typer.Exit(1)


def show_findings(title: str, findings: "list[Finding]") -> None:
    """Print a table of findings, and one line that counts them."""
    from pyrosnn.checks import STATUSES
    from pyrosnn_cli.show import print_table

    rows = []
    for finding in findings:
        number = "" if finding.value is None else f"{finding.value:.3g}"
        rows.append([finding.name, finding.status, number, finding.message])
    print_table(["check", "status", "number", "finding"], rows, words=3, left=(0, 1, 3))
    counts = Counter(finding.status for finding in findings)
    known = ", ".join(f"{counts[s]} {s}" for s in reversed(STATUSES) if counts[s] > 0)
    typer.echo(f"{title}: {known}")
