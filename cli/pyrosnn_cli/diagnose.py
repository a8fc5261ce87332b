"""`pyrosnn diagnose`: how many samples the attack on a model needs."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import typer

from pyrosnn_cli.check import show_findings
from pyrosnn_cli.options import Showing
from pyrosnn_cli.progress import progress_bar
from pyrosnn_cli.study import StudyRun

if TYPE_CHECKING:
    import xarray as xr

    from pyrosnn_studies.subject import Subject


@dataclass(frozen=True, kw_only=True)
class DiagnosisRun(StudyRun):
    """A diagnosis' run.

    Attributes:
        checks: also check the model and the attack; the exit status is 1 if a check failed.
    """

    panel: ClassVar[str] = "run"

    checks: bool = True

    def finish(self, result: "xr.DataTree", subject: "Subject | None", output: Path) -> None:
        """Check the model, and end with a verdict; exit status 1 if a check failed."""
        from pyrosnn_studies.diagnosis_tables import conclusion

        assert subject is not None  # the study needs a model
        healthy = not self.checks or _healthy(result, subject, self)
        typer.echo(conclusion(result))
        if not healthy:
            raise typer.Exit(1)


def _healthy(result: "xr.DataTree", subject: "Subject", showing: Showing) -> bool:
    """Show the checks of the model; return whether none failed."""
    from pyrosnn.checks import MODEL_CHECKS
    from pyrosnn.checks.on_model import model_findings
    from pyrosnn.checks.on_result import check_result
    from pyrosnn_studies.diagnosis import trial_of

    trial = trial_of(result, subject)
    findings = check_result(result)  # what the file itself tells is about more images
    with progress_bar("checks", len(MODEL_CHECKS), showing) as advance:
        advance(0, "")
        for done, finding in enumerate(model_findings(trial), start=1):
            findings.append(finding)
            advance(done, finding.name)
    show_findings(f"checks (of the model: {len(trial.x)} images)", findings)
    return all(finding.status != "fail" for finding in findings)
