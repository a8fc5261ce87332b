"""The significance of a mean difference over independent draws of A and I."""

import numpy as np

from pyrosnn.statistics import student_p_value

# Probability that a check of a healthy evaluation calls some rise significant.
FAILURE_RATE = 0.01
# A significant rise of an accuracy by more than this fails, a smaller one warns.
LARGE = 0.02
_ROUNDING = 1e-9  # of a difference of two shares: 0.68 - 0.66 is above 0.02


def significantly_positive(
    differences: np.ndarray, *, grain: float, comparisons: int = 1
) -> np.ndarray:
    r"""Test whether mean differences are positive, with Student's t over independent draws.

    A comparison is significant at ``FAILURE_RATE / comparisons`` (Bonferroni), one-sided. The
    standard deviation is at least half a grain: accuracies are counts, and equal counts in a few
    draws do not mean that there is no spread.

    Args:
        differences: shape (draw, …), of independent draws of A and I.
        grain: what one image adds to an accuracy, 1 / (images of a draw).
        comparisons: number of comparisons that the failure rate is shared by.

    Returns:
        Booleans, shape (…); False for fewer than two draws.

    Example:
        >>> rises = np.array([[0.10, 0.01], [0.12, -0.01], [0.11, 0.00]])
        >>> significantly_positive(rises, grain=0.01).tolist()
        [True, False]
    """
    number = len(differences)
    if number < 2:
        return np.zeros(differences.shape[1:], dtype=bool)
    spread = np.maximum(differences.std(0, ddof=1), grain / 2)
    p_value = student_p_value(differences.mean(0), spread, number, alternative="greater")
    return np.asarray(p_value < FAILURE_RATE / comparisons)


def is_large(difference: float) -> bool:
    """Whether a difference of two accuracies is above ``LARGE``."""
    return difference > LARGE + _ROUNDING


def status_of(difference: float, significant: bool) -> str:
    """Return the status of an accuracy that is too high by ``difference``."""
    if not significant:
        return "pass"
    return "fail" if is_large(difference) else "warn"
