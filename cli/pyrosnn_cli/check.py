"""`pyrosnn check FILE …`: sanity checks of results, and whether they can be published."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyrosnn_cli.options import TEXT, Format, Rendering, read_rendering

if TYPE_CHECKING:
    from pyrosnn.checks import Finding
    from pyrosnn.tables import Cell


def check(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Results (*.nc) of studies that attack images."),
    ],
    json: Annotated[
        bool, typer.Option("--json", help="Print the findings and verdicts as JSON.")
    ] = False,
    format: Format = None,
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
    rendering = read_rendering("json" if json else format, None)

    from pyrosnn.checks.on_result import check_result
    from pyrosnn.errors import ArgumentError
    from pyrosnn.results import open_results
    from pyrosnn_cli.show import whole

    checked: dict[str, list[Finding]] = {}
    for file in files:  # all are read before anything is shown
        result = open_results(file)
        try:
            with whole(file):
                checked[f"{file}"] = check_result(result)
        except ArgumentError as error:
            raise ArgumentError(f"{file}: {error}") from error
    _show(checked, rendering)
    if any(finding.status == "fail" for found in checked.values() for finding in found):
        raise typer.Exit(1)


def _show(checked: "Mapping[str, list[Finding]]", rendering: Rendering) -> None:
    """Print the findings of each file and their verdict, in the format that was asked for."""
    from pyrosnn.checks import verdict_on
    from pyrosnn.checks.as_json import findings_as_json
    from pyrosnn.tables import Document, Table
    from pyrosnn_cli.show import show

    if rendering.format == "json":
        typer.echo(findings_as_json(checked))
        return
    if rendering.format != TEXT:
        tables = [
            Table(title=file, columns=HEADER, rows=_rows(findings))
            for file, findings in checked.items()
        ]
        verdicts = [f"{file}: {verdict_on(findings)}" for file, findings in checked.items()]
        show(Document(tables=tables, closing=verdicts), rendering)
        return
    for place, (file, findings) in enumerate(checked.items()):
        if place > 0:
            typer.echo()
        show_findings(file, findings)
        verdict = verdict_on(findings)
        for line in verdict.reasons:
            typer.echo(f"- {line}")
        typer.echo(str(verdict))


HEADER = ["check", "status", "number", "finding"]


def _rows(findings: "Sequence[Finding]") -> "list[list[Cell]]":
    """Return a row for each finding."""
    from pyrosnn.tables import Number

    return [
        [
            one.name,
            one.status,
            "" if one.value is None else Number(value=one.value, form=".3g"),
            one.message,
        ]
        for one in findings
    ]


def show_findings(title: str, findings: "list[Finding]") -> None:
    """Print a table of findings, and one line that counts them."""
    from pyrosnn.checks import STATUSES
    from pyrosnn_cli.show import print_table

    rows = [[str(cell) for cell in row] for row in _rows(findings)]
    print_table(HEADER, rows, words=3, left=(0, 1, 3))
    counts = Counter(finding.status for finding in findings)
    known = ", ".join(f"{counts[s]} {s}" for s in reversed(STATUSES) if counts[s] > 0)
    typer.echo(f"{title}: {known}")
