"""Defaults of a study that depend on the data set or the model, as data."""

from pyrosnn.attacks import NORMS
from pyrosnn.errors import ArgumentError, unknown_name

# Strengths of the paper's figures (supplement C.2, C.2.1); for digits, a grid that reaches from
# clean accuracy to below chance for the default network.
STRENGTHS: dict[tuple[str, str], tuple[float, ...]] = {
    ("digits", "l2"): (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2),
    ("digits", "linf"): (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3),
    ("fashion-mnist", "l2"): (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25),
    ("fashion-mnist", "linf"): (0.0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.14, 0.16, 0.18),
}

# The paper attacks probabilities with the cross-entropy and logits (SIN) with the margin.
LOSS = {"probs": "cross-entropy", "logits": "margin"}

# The paper's number of test images; a smaller data set gives all it has.
IMAGES = 1000


def default_strengths(dataset: str, norm: str) -> tuple[float, ...]:
    """Return the strengths for a data set and norm.

    Raises:
        UnknownNameError: for an unknown norm.
        ArgumentError: if there are none, asking for ``--strengths``.
    """
    if norm not in NORMS:
        raise unknown_name("norm", norm, NORMS)
    if (dataset, norm) not in STRENGTHS:
        raise ArgumentError(
            f"there are no default strengths for {dataset} in the norm '{norm}'; give --strengths"
        )
    return STRENGTHS[dataset, norm]
