"""The exact interval for a probability, from a count."""

import numpy as np
from scipy import stats

from pyrosnn.statistics.arguments import counts, of_numbers, require_count
from pyrosnn.statistics.confidence import require_confidence


@of_numbers
def clopper_pearson(
    successes: np.ndarray, trials: int, *, confidence: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    r"""Return the exact binomial interval for a probability.

    The bounds are quantiles of Beta(k, n - k + 1) and Beta(k + 1, n - k). For k = 0 the interval
    is $[0, 1 - (\alpha/2)^{1/n}]$, for k = n it is $[(\alpha/2)^{1/n}, 1]$. It covers the truth
    with at least its confidence, usually with more.

    Args:
        successes: counts k of any shape, integers in [0, n].
        trials: n, the number of independent trials.
        confidence: confidence 1 - α.

    Returns:
        Lower and upper bounds of the shape of ``successes``.

    Raises:
        ArgumentError: for a confidence out of (0, 1), no trials, or counts out of [0, n].

    References:
        Clopper and Pearson (1934).

    Example:
        >>> low, high = clopper_pearson(np.array([0, 5, 10]), 10)
        >>> low.round(3).tolist(), high.round(3).tolist()
        ([0.0, 0.187, 0.692], [0.308, 0.813, 1.0])
    """
    require_confidence(confidence)
    require_count("trials", trials)
    successes = counts("successes", successes, trials)
    # n + 1 counts are possible, however many images there are
    alpha, inner = 1 - confidence, np.arange(1, trials + 1)
    low = np.concatenate([[0.0], stats.beta.ppf(alpha / 2, inner, trials - inner + 1)])
    high = 1 - low[::-1]  # the interval of the failures, mirrored
    return np.asarray(low[successes]), np.asarray(high[successes])
