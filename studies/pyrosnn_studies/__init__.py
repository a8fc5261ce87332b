"""Studies: the paper's experiments and ours, one file and one line in ``STUDIES`` for each."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Entry:
    """A line of the table of studies; import paths, so that a help text loads nothing.

    Attributes:
        home: import path of the study, ``module:attribute``. The module's docstring is the
            help of its command.
        settings: import path of its settings, a frozen dataclass.
        tables: import path of the function that makes the tables of a result; it loads no torch,
            so that a result is shown where there is none. Empty for that of the study itself.
        figure: the same of the figure.
        needs: ``model``, one that it averages over noise (``smoothed``), or ``nothing``.
    """

    home: str
    settings: str
    tables: str = ""
    figure: str = ""
    needs: Literal["model", "smoothed", "nothing"] = "model"


_GRID = "pyrosnn_studies.grid:GridSpec"

STUDIES = {
    "evaluation": Entry(
        home="pyrosnn_studies.evaluation:STUDY",
        settings="pyrosnn_studies.evaluation:EvaluationSpec",
        tables="pyrosnn_studies.standard_tables:standard_tables",
        figure="pyrosnn.plots:standard_figure",
    ),
    "sample-size": Entry(
        home="pyrosnn_studies.sample_size:STUDY",
        settings=_GRID,
        tables="pyrosnn_studies.tables:size_tables",
        figure="pyrosnn.plots:sample_size_figure",
    ),
    "inference-size": Entry(
        home="pyrosnn_studies.inference_size:STUDY",
        settings=_GRID,
        tables="pyrosnn_studies.inference_size_tables:inference_size_tables",
        figure="pyrosnn.plots:inference_size_figure",
    ),
    "conditions": Entry(
        home="pyrosnn_studies.conditions:STUDY",
        settings=_GRID,
        tables="pyrosnn_studies.conditions_tables:conditions_tables",
        figure="pyrosnn.plots:conditions_figure",
        needs="smoothed",
    ),
    "certificates": Entry(
        home="pyrosnn_studies.certificates:STUDY",
        settings="pyrosnn_studies.certificates:CertificatesSpec",
        tables="pyrosnn_studies.certificate_tables:certificate_tables",
        figure="pyrosnn.plots:certificates_figure",
        needs="smoothed",
    ),
    "verification": Entry(
        home="pyrosnn_studies.verification:STUDY",
        settings="pyrosnn_studies.verification:VerificationSpec",
        tables="pyrosnn_studies.verification_tables:verification_tables",
        figure="pyrosnn.plots:verification_figure",
    ),
    "prediction-variance": Entry(
        home="pyrosnn_studies.prediction_variance:STUDY",
        settings="pyrosnn_studies.prediction_variance:VarianceSpec",
        tables="pyrosnn_studies.variation_tables:variation_tables",
        figure="pyrosnn.plots:variation_figure",
    ),
    "diagnosis": Entry(
        home="pyrosnn_studies.diagnosis:STUDY",
        settings="pyrosnn_studies.diagnosis:DiagnosisSpec",
        tables="pyrosnn_studies.diagnosis_tables:diagnosis_tables",
        figure="pyrosnn.plots:diagnosis_figure",
    ),
    "ablation": Entry(
        home="pyrosnn_studies.ablation:STUDY",
        settings="pyrosnn_studies.ablation:AblationSpec",
        tables="pyrosnn_studies.ablation_tables:ablation_tables",
        figure="pyrosnn.plots:ablation_figure",
    ),
    "gaussian-angles": Entry(
        home="pyrosnn_studies.gaussian_angles:STUDY",
        settings="pyrosnn_studies.gaussian_angles:AnglesSpec",
        tables="pyrosnn_studies.angles_tables:angles_tables",
        figure="pyrosnn.plots:angles_figure",
        needs="nothing",
    ),
}
