"""Tables of a result: accuracies, P(robust), geometry, ArviZ's table of cosines; comparisons."""

from pyrosnn.summaries.accuracy import accuracies, accuracy_on_clean, accuracy_table
from pyrosnn.summaries.compare import Comparison, compare_results
from pyrosnn.summaries.cosine import at_strength, cosine_table, posterior_like
from pyrosnn.summaries.geometry import geometry_means
from pyrosnn.summaries.paired import difference_of_models, paired_differences
from pyrosnn.summaries.reach import at_reach, fit_reach, samples_for_reach
from pyrosnn.summaries.robustness import clopper_pearson, robust_probability, robustness_table
from pyrosnn.summaries.variation import variation_table

__all__ = [
    "Comparison",
    "accuracies",
    "accuracy_on_clean",
    "accuracy_table",
    "at_reach",
    "at_strength",
    "clopper_pearson",
    "compare_results",
    "cosine_table",
    "difference_of_models",
    "fit_reach",
    "geometry_means",
    "paired_differences",
    "posterior_like",
    "robust_probability",
    "robustness_table",
    "samples_for_reach",
    "variation_table",
]
