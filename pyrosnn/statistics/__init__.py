"""Intervals, bounds and tests of independent numbers; arrays in, arrays out, without names."""

from pyrosnn.statistics.binomial import clopper_pearson
from pyrosnn.statistics.bounds import (
    dkw,
    empirical_bernstein,
    hoeffding,
    probability_lower,
    probability_upper,
    require_alpha,
    split,
)
from pyrosnn.statistics.change import change_interval
from pyrosnn.statistics.confidence import require_confidence
from pyrosnn.statistics.crossed import crossed_half_widths
from pyrosnn.statistics.density import highest_density
from pyrosnn.statistics.queries import robust_at
from pyrosnn.statistics.shapley import shapley_values
from pyrosnn.statistics.share import share_interval, share_interval_of_means
from pyrosnn.statistics.student import (
    student_half_width,
    student_p_value,
    student_quantile,
)
from pyrosnn.statistics.welch import welch_half_width

__all__ = [
    "change_interval",
    "clopper_pearson",
    "crossed_half_widths",
    "dkw",
    "empirical_bernstein",
    "highest_density",
    "hoeffding",
    "probability_lower",
    "probability_upper",
    "require_alpha",
    "require_confidence",
    "robust_at",
    "shapley_values",
    "share_interval",
    "share_interval_of_means",
    "split",
    "student_half_width",
    "student_p_value",
    "student_quantile",
    "welch_half_width",
]
