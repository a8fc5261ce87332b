"""Tables of a result: accuracies, paired differences, geometry, ArviZ's table of cosines."""

from pyrosnn.summaries.accuracy import accuracies, accuracy_on_clean, accuracy_table
from pyrosnn.summaries.cosine import at_strength, cosine_table, posterior_like
from pyrosnn.summaries.geometry import geometry_means
from pyrosnn.summaries.paired import paired_differences
from pyrosnn.summaries.variation import variation_table

__all__ = [
    "accuracies",
    "accuracy_on_clean",
    "accuracy_table",
    "at_strength",
    "cosine_table",
    "geometry_means",
    "paired_differences",
    "posterior_like",
    "variation_table",
]
