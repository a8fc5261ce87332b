"""Certificates: lower bounds of robustness with a confidence level, one line for each kind."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyrosnn.errors import resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from pyrosnn.certificates.tally import Tally


@dataclass(frozen=True, kw_only=True)
class Row:
    """A kind of certificate.

    Attributes:
        home: import path of its function: from a tally and α to distances in σ, NaN where it
            abstains. α is the probability that the distance of an image is too large, at most.
        of_scores: whether it is about the mean of scores in [0, 1]; else it is about votes.
        about: what is certified, in a line.
    """

    home: str
    of_scores: bool
    about: str


CERTIFICATES: dict[str, Row] = {
    "votes": Row(
        home="pyrosnn.certificates.votes:majority",
        of_scores=False,
        about="the class has more than half of the votes of single draws",
    ),
    "votes-two-sided": Row(
        home="pyrosnn.certificates.votes:plurality",
        of_scores=False,
        about="the class has more votes than any other",
    ),
    "mean": Row(
        home="pyrosnn.certificates.mean:majority",
        of_scores=True,
        about="the mean score of the class is above 1/2",
    ),
    "mean-two-sided": Row(
        home="pyrosnn.certificates.mean:plurality",
        of_scores=True,
        about="the mean score of the class is above that of any other",
    ),
    "margin": Row(
        home="pyrosnn.certificates.margin:from_distribution",
        of_scores=True,
        about="the mean margin to any other class is positive",
    ),
    "margin-mean": Row(
        home="pyrosnn.certificates.margin:from_mean",
        of_scores=True,
        about="the same, from mean and variance of the margin alone",
    ),
}


def find_certificate(name: str) -> "Callable[[Tally, float], np.ndarray]":
    """Return the function of a kind of certificate.

    Raises:
        UnknownNameError: with the nearest name.

    Example:
        >>> find_certificate("votes").__name__
        'majority'
    """
    function: Any = resolve(
        {key: row.home for key, row in CERTIFICATES.items()}, name, "certificate"
    )
    return function  # type: ignore[no-any-return]
