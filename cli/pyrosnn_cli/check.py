"""`pyrosnn check FILE …`: sanity checks of results, and whether they can be published."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pyrosnn.checks import Finding


def check(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Results (*.nc) of studies that attack images."),
    ],
    json: Annotated[
        bool, typer.Option("--json", help="Print the findings and verdicts as JSON.")
    ] = False,
) -> None:
    """Check results for common faults, and say whether they can be published.

    The checks read the settings (predicted labels, clipped images, few steps,
    few samples, strengths in another unit) and the values (perturbations shorter
    than η, zero gradients, an attack that breaks nothing, moves a class the
    wrong way, or is judged on its own samples). A result of the standard
    protocol has checks of its own. Findings stored with the result follow.

    Each check has a number and a status: pass, warn, fail, or skipped where the
    file lacks the values. The last line is the verdict. The page "Checks" of the
    documentation explains each check. The exit status is 1 if a check failed.
    """
    from pyrosnn.checks.on_result import check_result
    from pyrosnn.results import open_results
    from pyrosnn_cli.show import whole

    checked: dict[str, list[Finding]] = {}
    for file in files:  # all are read before anything is shown
        with whole(file):
            checked[f"{file}"] = check_result(open_results(file))
    _show(checked, as_json=json)
    if any(finding.status == "fail" for found in checked.values() for finding in found):
        raise typer.Exit(1)


def _show(checked: "Mapping[str, list[Finding]]", *, as_json: bool) -> None:
    """Print the findings of each file and their verdict, or all of them as JSON."""
    from pyrosnn.checks import verdict_on
    from pyrosnn.checks.as_json import findings_as_json

    if as_json:
        typer.echo(findings_as_json(checked))
        return
    for place, (file, findings) in enumerate(checked.items()):
        if place > 0:
            typer.echo()
        show_findings(file, findings)
        verdict = verdict_on(findings)
        for line in verdict.reasons:
            typer.echo(f"- {line}")
        typer.echo(str(verdict))


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
