"""A certificate: votes bounded by Hoeffding's inequality, which is looser than Cohen's."""

import numpy as np

from pyrosnn.certificates import Row
from pyrosnn.certificates.radii import one_sided
from pyrosnn.certificates.tally import Tally
from pyrosnn.statistics import hoeffding


def by_hoeffding(tally: Tally, alpha: float) -> np.ndarray:
    """Return radii in σ, NaN where the bound does not exceed 1/2."""
    votes = np.take_along_axis(tally.votes, tally.chosen[:, None], -1)[:, 0]
    lower = votes / tally.number - hoeffding(tally.number, alpha)
    return np.where(lower > 0.5, one_sided(np.clip(lower, 0, 1)), np.nan)


ROW = Row(
    home="outside.certificate:by_hoeffding",
    of_scores=False,
    about="the class has more than half of the votes, by Hoeffding's inequality",
)
