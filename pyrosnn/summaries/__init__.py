"""Tables of a result: accuracies, P(robust), geometry, angles, advice; comparisons."""

from pyrosnn.statistics import clopper_pearson, robust_at
from pyrosnn.summaries.accuracy import (
    accuracies,
    accuracy_intervals,
    accuracy_on_clean,
    accuracy_table,
)
from pyrosnn.summaries.advice import (
    Advice,
    advise,
    determined,
    is_measured,
    mean_cosine,
    mean_reach,
    reachable_cosine,
    samples_for_mean,
)
from pyrosnn.summaries.angle import (
    jackknife,
    loss_mismatch,
    noise_factor,
    noise_scale,
    predicted_cosine,
    samples_needed,
)
from pyrosnn.summaries.certificates import (
    attacked_at,
    broken,
    certified_accuracy,
    certified_at,
    certified_threats,
    data_set_certificate,
)
from pyrosnn.summaries.compare import Comparison, compare_results
from pyrosnn.summaries.compare_bounds import compare_certificates, compare_evaluations
from pyrosnn.summaries.cosine import at_strength, cosine_table, posterior_like
from pyrosnn.summaries.explanation import explain
from pyrosnn.summaries.geometry import geometry_means
from pyrosnn.summaries.interval import interval_end, interval_values
from pyrosnn.summaries.paired import difference_of_models, paired_differences
from pyrosnn.summaries.predicted import confusion_matrix, targeted_success
from pyrosnn.summaries.protocol import attacks_predicted, deviations, judges_clipped
from pyrosnn.summaries.reach import (
    at_reach,
    fit_reach,
    known_reach,
    reachable_share,
    samples_for_reach,
)
from pyrosnn.summaries.robustness import robust_probability, robustness_table
from pyrosnn.summaries.standard import entry_table, standard_table
from pyrosnn.summaries.unexplained import missing_parts
from pyrosnn.summaries.variation import variation_table
from pyrosnn.summaries.verification import verified_accuracy

__all__ = [
    "Advice",
    "Comparison",
    "accuracies",
    "accuracy_intervals",
    "accuracy_on_clean",
    "accuracy_table",
    "advise",
    "at_reach",
    "at_strength",
    "attacked_at",
    "attacks_predicted",
    "broken",
    "certified_accuracy",
    "certified_at",
    "certified_threats",
    "clopper_pearson",
    "compare_certificates",
    "compare_evaluations",
    "compare_results",
    "confusion_matrix",
    "cosine_table",
    "data_set_certificate",
    "determined",
    "deviations",
    "difference_of_models",
    "entry_table",
    "explain",
    "fit_reach",
    "geometry_means",
    "interval_end",
    "interval_values",
    "is_measured",
    "jackknife",
    "judges_clipped",
    "known_reach",
    "loss_mismatch",
    "mean_cosine",
    "mean_reach",
    "missing_parts",
    "noise_factor",
    "noise_scale",
    "paired_differences",
    "posterior_like",
    "predicted_cosine",
    "reachable_cosine",
    "reachable_share",
    "robust_at",
    "robust_probability",
    "robustness_table",
    "samples_for_mean",
    "samples_for_reach",
    "samples_needed",
    "standard_table",
    "targeted_success",
    "variation_table",
    "verified_accuracy",
]
