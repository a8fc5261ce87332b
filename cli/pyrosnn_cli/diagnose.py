"""`pyrosnn diagnose`: how many samples the attack on a model needs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import typer

from pyrosnn_cli.check import show_findings
from pyrosnn_cli.study import StudyRun

if TYPE_CHECKING:
    import xarray as xr

    from pyrosnn_studies.subject import Subject

CHECKED = 50  # images that the checks of the model take


@dataclass(frozen=True, kw_only=True)
class DiagnosisRun(StudyRun):
    """A diagnosis' run.

    Attributes:
        checks: also check the model and the attack; the exit status is 1 if a check failed.
    """

    panel: ClassVar[str] = "run"

    checks: bool = True

    def finish(self, result: "xr.DataTree", subject: "Subject | None") -> None:
        """Check the model; exit status 1 if a check failed."""
        assert subject is not None  # the study needs a model
        if self.checks and not _healthy(result, subject):
            raise typer.Exit(1)


def _healthy(result: "xr.DataTree", subject: "Subject") -> bool:
    """Show the checks of the model; return whether none failed."""
    from pyrosnn.attacks import FGM
    from pyrosnn.checks import MODEL_CHECKS
    from pyrosnn.checks.on_model import check_model
    from pyrosnn.checks.on_result import check_result
    from pyrosnn.results import read_spec

    spec = read_spec(result)
    x, y = subject.dataset.test_images(min(CHECKED, len(subject.dataset.x_test)))
    attack = FGM(**{name: spec[name] for name in ("strength", "loss", "gradient", "labels")})
    of_model = check_model(
        subject.classifier,
        x,
        y,
        attack=attack,
        attack_samples=max(spec["attack_samples"]),
        inference_samples=spec["inference_samples"],
        seed=spec["seed"],
    )
    # what the file itself tells, moments included, is about more images
    of_file = check_result(result)
    findings = of_file + [finding for finding in of_model if finding.name in MODEL_CHECKS]
    show_findings(f"checks (of the model: {len(x)} images)", findings)
    return all(finding.status != "fail" for finding in findings)
