"""Figures of a result, drawn on the caller's axes, without global matplotlib state."""

from pyrosnn.plots.ablation import ablation_figure
from pyrosnn.plots.angles import angles_figure
from pyrosnn.plots.certificates import certificates_figure, plot_certificates
from pyrosnn.plots.conditions import conditions_figure, plot_conditions
from pyrosnn.plots.diagnosis import diagnosis_figure
from pyrosnn.plots.explanation import (
    explanation_figure,
    plot_judges,
    plot_parts,
    plot_waterfall,
)
from pyrosnn.plots.inference_size import inference_size_figure, plot_accuracies, plot_factor
from pyrosnn.plots.sample_size import plot_accuracy, plot_cosines, sample_size_figure
from pyrosnn.plots.standard import (
    plot_errors,
    plot_standard_accuracies,
    standard_figure,
)
from pyrosnn.plots.variation import variation_figure
from pyrosnn.plots.verification import plot_verification, verification_figure

__all__ = [
    "ablation_figure",
    "angles_figure",
    "certificates_figure",
    "conditions_figure",
    "diagnosis_figure",
    "explanation_figure",
    "inference_size_figure",
    "plot_accuracies",
    "plot_accuracy",
    "plot_certificates",
    "plot_conditions",
    "plot_cosines",
    "plot_errors",
    "plot_factor",
    "plot_judges",
    "plot_parts",
    "plot_standard_accuracies",
    "plot_verification",
    "plot_waterfall",
    "sample_size_figure",
    "standard_figure",
    "variation_figure",
    "verification_figure",
]
