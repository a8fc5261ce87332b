"""Several queries of a random classifier: the probability that all of them are right."""

from math import comb

import numpy as np

from pyrosnn.errors import brief, require
from pyrosnn.statistics.arguments import counts, of_numbers, require_count


@of_numbers
def robust_at(correct: np.ndarray, number: int, k: int) -> np.ndarray:
    r"""Estimate the probability $p^k$ that k independent queries are all answered correctly.

    The estimate is the share of the k-subsets of the n queries that hold correct answers alone,
    $\binom c k / \binom n k$. It is unbiased for every p; $(c / n)^k$ is not.

    Args:
        correct: counts c of correct answers among n independent queries, integers of any shape.
        number: n, the number of queries behind each count.
        k: how many queries an attacker has, at most n.

    Returns:
        Estimates in [0, 1], float64, of the shape of ``correct``.

    Raises:
        ArgumentError: for a k that is not in 1 … n, no queries, or counts out of [0, n].

    References:
        Hoeffding (1948), on U-statistics.

    Example:
        >>> robust_at(np.array([0, 9, 10]), 10, 5).tolist()
        [0.0, 0.5, 1.0]
    """
    require_count("number of queries", number)
    require_count("k", k)
    require(
        k <= number,
        f"k must be between 1 and the {number} queries of each image, got {brief(k)}; ask more "
        "queries",
    )
    correct = counts("counts of correct queries", correct, number)
    # n + 1 counts are possible; the quotient of two integers is exact to rounding
    whole = comb(number, k)
    shares = np.array([comb(count, k) / whole for count in range(number + 1)])
    return np.asarray(shares[correct])
