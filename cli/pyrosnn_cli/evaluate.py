"""`pyrosnn evaluate`: the standard evaluation of a model, with its report."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import typer

from pyrosnn.errors import require
from pyrosnn_cli.study import StudyRun

if TYPE_CHECKING:
    import xarray as xr

    from pyrosnn_studies.subject import Subject


@dataclass(frozen=True, kw_only=True)
class EvaluationRun(StudyRun):
    """An evaluation's run.

    Attributes:
        quick: use few images and few steps, for a first impression.
    """

    panel: ClassVar[str] = "run"

    starts_from: ClassVar[str] = "paper"  # the whole protocol

    quick: bool = False

    @property
    def start(self) -> str:
        """The preset to start from, where no result is."""
        require(
            not (self.quick and self.preset),
            f"--quick is the preset quick, got --preset {self.preset}, too; leave one out",
        )
        return "quick" if self.quick else super().start

    def check(self, output: Path) -> None:
        """Refuse a page that could not be written later, or that exists and is to be kept."""
        from pyrosnn.storage import check_writable

        check_writable(_page(output), overwrite=self.overwrite or self.resume)

    def finish(self, result: "xr.DataTree", subject: "Subject | None", output: Path) -> None:
        """Write the report, and say what it comes to; exit status 1 if a check failed."""
        from pyrosnn.storage import write_whole
        from pyrosnn_cli.check import show_findings
        from pyrosnn_studies.findings import findings_of
        from pyrosnn_studies.report import make_report
        from pyrosnn_studies.standard_tables import standard_verdict

        page = _page(output)
        dataset = None if subject is None else subject.dataset
        content = make_report(result, output, dataset=dataset).encode()
        write_whole(page, content, overwrite=self.overwrite or self.resume)
        typer.echo(f"wrote {page}\n")
        findings = findings_of(result)
        show_findings("checks", findings)
        typer.echo("\n" + "\n".join(standard_verdict(result)))
        if any(finding.status == "fail" for finding in findings):
            raise typer.Exit(1)


def _page(output: Path) -> Path:
    """Return where the report goes."""
    return output.with_suffix(".html")
