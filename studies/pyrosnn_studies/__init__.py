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
        needs: ``model``, one that it averages over noise (``smoothed``), or ``nothing``.
    """

    home: str
    settings: str
    needs: Literal["model", "smoothed", "nothing"] = "model"


_GRID = "pyrosnn_studies.grid:GridSpec"

STUDIES = {
    "evaluation": Entry(
        home="pyrosnn_studies.evaluation:STUDY",
        settings="pyrosnn_studies.evaluation:EvaluationSpec",
    ),
    "certificates": Entry(
        home="pyrosnn_studies.certificates:STUDY",
        settings="pyrosnn_studies.certificates:CertificatesSpec",
        needs="smoothed",
    ),
    "sample-size": Entry(home="pyrosnn_studies.sample_size:STUDY", settings=_GRID),
    "inference-size": Entry(home="pyrosnn_studies.inference_size:STUDY", settings=_GRID),
    "conditions": Entry(home="pyrosnn_studies.conditions:STUDY", settings=_GRID, needs="smoothed"),
    "prediction-variance": Entry(
        home="pyrosnn_studies.prediction_variance:STUDY",
        settings="pyrosnn_studies.prediction_variance:VarianceSpec",
    ),
    "diagnosis": Entry(
        home="pyrosnn_studies.diagnosis:STUDY",
        settings="pyrosnn_studies.diagnosis:DiagnosisSpec",
    ),
    "ablation": Entry(
        home="pyrosnn_studies.ablation:STUDY", settings="pyrosnn_studies.ablation:AblationSpec"
    ),
    "gaussian-angles": Entry(
        home="pyrosnn_studies.gaussian_angles:STUDY",
        settings="pyrosnn_studies.gaussian_angles:AnglesSpec",
        needs="nothing",
    ),
}
