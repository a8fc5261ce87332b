"""`pyrosnn certify`: radii within which no attack changes a prediction."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pyrosnn_cli.study import StudyRun

if TYPE_CHECKING:
    import xarray as xr

    from pyrosnn_studies.subject import Subject


@dataclass(frozen=True, kw_only=True)
class CertificateRun(StudyRun):
    """A run of certificates."""

    def finish(self, result: "xr.DataTree", subject: "Subject | None", output: Path) -> None:
        """Say between which bounds the accuracy lies."""
        from pyrosnn_studies.certificate_tables import certificate_verdict

        typer.echo("\n" + "\n".join(certificate_verdict(result)))
