"""Studies: the paper's experiments and ours, one file and one line in ``STUDIES`` for each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A line of the table of studies.

    Attributes:
        home: import path of the study, ``module:attribute``; loaded when it is used.
        shows: what it shows, for lists.
    """

    home: str
    shows: str


STUDIES = {
    "sample-size": Entry(
        home="pyrosnn_studies.sample_size:STUDY",
        shows="accuracy and cosine against the attack's samples (figures 4, 5, 8-14)",
    ),
    "inference-size": Entry(
        home="pyrosnn_studies.inference_size:STUDY",
        shows="accuracy, cosine, gradient norm and margin against the inference set's samples "
        "(table 2, figures 6, 15-17)",
    ),
    "conditions": Entry(
        home="pyrosnn_studies.conditions:STUDY",
        shows="linear and smooth robustness condition against accuracy (figures 3, 7)",
    ),
    "prediction-variance": Entry(
        home="pyrosnn_studies.prediction_variance:STUDY",
        shows="spread of single predictions and of their gradients (table 1)",
    ),
    "diagnosis": Entry(
        home="pyrosnn_studies.diagnosis:STUDY",
        shows="how many samples the attack needs, predicted and measured",
    ),
    "ablation": Entry(
        home="pyrosnn_studies.ablation:STUDY",
        shows="readings of what the paper leaves open: floor, clipping, pre-activations",
    ),
    "gaussian-angles": Entry(
        home="pyrosnn_studies.gaussian_angles:STUDY",
        shows="angle of two Gaussian vectors with one mean, and its closed form (figure 2)",
    ),
}
