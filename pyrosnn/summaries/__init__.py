"""Tables of a result: accuracies over repeats, and ArviZ's summary of the cosines."""

from pyrosnn.summaries.accuracy import accuracies, accuracy_table
from pyrosnn.summaries.cosine import at_strength, cosine_table, posterior_like

__all__ = ["accuracies", "accuracy_table", "at_strength", "cosine_table", "posterior_like"]
