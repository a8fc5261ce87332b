"""Tables of a result: accuracies, paired differences, geometry, angles, advice."""

from pyrosnn.summaries.accuracy import accuracies, accuracy_on_clean, accuracy_table
from pyrosnn.summaries.advice import Advice, advise, determined, mean_cosine, mean_reach
from pyrosnn.summaries.angle import (
    jackknife,
    loss_mismatch,
    noise_factor,
    noise_scale,
    predicted_cosine,
    samples_needed,
)
from pyrosnn.summaries.cosine import at_strength, cosine_table, posterior_like
from pyrosnn.summaries.geometry import geometry_means
from pyrosnn.summaries.paired import paired_differences
from pyrosnn.summaries.variation import variation_table

__all__ = [
    "Advice",
    "accuracies",
    "accuracy_on_clean",
    "accuracy_table",
    "advise",
    "at_strength",
    "cosine_table",
    "determined",
    "geometry_means",
    "jackknife",
    "loss_mismatch",
    "mean_cosine",
    "mean_reach",
    "noise_factor",
    "noise_scale",
    "paired_differences",
    "posterior_like",
    "predicted_cosine",
    "samples_needed",
    "variation_table",
]
