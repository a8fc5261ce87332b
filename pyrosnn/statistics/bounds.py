"""One-sided bounds that hold for any number of draws: of a probability, a mean, a distribution.

Each fails with probability α at most. Several bounds hold at once if α is divided among them
(:func:`split`).
"""

import math
from numbers import Real
from typing import Any

import numpy as np
from scipy import stats

from pyrosnn.errors import brief, require
from pyrosnn.statistics.arguments import counts, of_numbers, require_count


def require_alpha(alpha: Any) -> None:
    """Refuse a probability of failure that is not between 0 and 1/2.

    Args:
        alpha: α.

    Raises:
        ArgumentError: ``alpha must be > 0 and <= 0.5, got 1``.

    Example:
        >>> require_alpha(0.001)
    """
    inside = isinstance(alpha, Real) and 0 < float(alpha) <= 0.5
    require(inside, f"alpha must be > 0 and <= 0.5, got {brief(alpha)}")


@of_numbers
def split(alpha: float, number: int) -> float:
    """Return the share of α that each of several bounds gets, so that all hold at once.

    Args:
        alpha: probability that any of them fails.
        number: how many they are.

    References:
        Bonferroni (1936).

    Example:
        >>> split(0.01, 10)
        0.001
    """
    require_alpha(alpha)
    require_count("number of bounds", number)
    return alpha / number


@of_numbers
def probability_lower(successes: Any, trials: int, alpha: float) -> np.ndarray:
    r"""Return the one-sided Clopper-Pearson lower bound of a probability.

    It is the α-quantile of Beta(k, n - k + 1), and 0 for k = 0.

    Args:
        successes: counts k of any shape, integers in [0, n].
        trials: n, the number of independent trials.
        alpha: probability that the bound exceeds the truth, at most.

    References:
        Clopper and Pearson (1934).

    Example:
        >>> probability_lower(np.array([0, 90, 100]), 100, 0.001).round(3)
        array([0.   , 0.775, 0.933])
    """
    require_alpha(alpha)
    require_count("trials", trials)
    k = counts("successes", successes, trials)
    low = stats.beta.ppf(alpha, np.maximum(k, 1), trials - np.maximum(k, 1) + 1)
    return np.asarray(np.where(k > 0, low, 0.0))


@of_numbers
def probability_upper(successes: Any, trials: int, alpha: float) -> np.ndarray:
    """Return the one-sided Clopper-Pearson upper bound of a probability.

    Args:
        successes: counts of any shape.
        trials: the number of independent trials.
        alpha: probability that the truth exceeds the bound, at most.

    Example:
        >>> probability_upper(np.array([0, 100]), 100, 0.001).round(3)
        array([0.067, 1.   ])
    """
    require_count("trials", trials)
    failures = trials - counts("successes", successes, trials)
    return np.asarray(1 - probability_lower(failures, trials, alpha))


@of_numbers
def hoeffding(number: int, alpha: float, *, width: float = 1.0) -> float:
    r"""Return Hoeffding's half width $w \sqrt{\ln(1/\alpha) / 2n}$ for a mean.

    Args:
        number: n, the number of independent values.
        alpha: probability that the mean is further than that above its expectation, at most.
        width: w, length of the interval that holds the values.

    References:
        Hoeffding (1963).

    Example:
        >>> round(hoeffding(10_000, 0.001), 4)
        0.0186
    """
    require_alpha(alpha)
    require_count("number of values", number)
    return width * math.sqrt(math.log(1 / alpha) / (2 * number))


@of_numbers
def empirical_bernstein(
    variance: Any, number: int, alpha: float, *, width: float = 1.0
) -> np.ndarray:
    r"""Return the half width $\sqrt{2 V \ln(2/\alpha) / n} + 7 w \ln(2/\alpha) / 3 (n - 1)$.

    It is narrower than Hoeffding's where the values vary little.

    Args:
        variance: V, sample variances of any shape, with n - 1 in the denominator.
        number: n, the number of independent values, at least 2.
        alpha: probability that the mean is further than that above its expectation, at most.
        width: w, length of the interval that holds the values.

    References:
        Maurer and Pontil (2009), theorem 4.

    Example:
        >>> empirical_bernstein(np.array([0.0, 0.25]), 10_000, 0.001).round(4)
        array([0.0018, 0.0213])
    """
    require_alpha(alpha)
    require_count("number of values", number, least=2)
    log = math.log(2 / alpha)
    spread = np.sqrt(2 * np.asarray(variance) * log / number)
    return np.asarray(spread + 7 * width * log / (3 * (number - 1)))


@of_numbers
def dkw(number: int, alpha: float) -> float:
    r"""Return how far an empirical distribution function lies above the true one, at most.

    $\sqrt{\ln(1/\alpha) / 2n}$ at all thresholds at once. It is Hoeffding's half width.

    Args:
        number: n, the number of independent values.
        alpha: probability that it is further anywhere, at most.

    References:
        Dvoretzky, Kiefer and Wolfowitz (1956); the constant: Massart (1990).

    Example:
        >>> round(dkw(1000, 0.001), 4)
        0.0588
    """
    return hoeffding(number, alpha)
