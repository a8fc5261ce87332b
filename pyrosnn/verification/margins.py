r"""Lower bounds of margins $f_y - f_c$ of a sample, from those of differences of its logits."""

from collections.abc import Callable

import torch
from torch import Tensor

from pyrosnn.errors import NoBoundsError


def of_probabilities(differences: Tensor) -> Tensor:
    r"""Return the least $f_y - f_c$ where f is the softmax.

    With $z_y - z_j \ge d_j$ it is $f_y \ge q = 1 / (1 + \sum_{j \ne y} e^{-d_j})$, so that
    $f_y - f_c = f_y (1 - e^{-(z_y - z_c)}) \ge q (1 - e^{-d_c})$ where $d_c \ge 0$. Else the other
    classes can only help, and it is $\tanh(d_c / 2)$ at least.

    Args:
        differences: d, shape (…, class), 0 at the label.

    Example:
        >>> of_probabilities(torch.tensor([0.0, 2.0])).tolist()  # two classes: tanh(1)
        [0.0, 0.7615941559559575]
    """
    d = differences.double()
    least = (-torch.logsumexp(-d, -1, keepdim=True)).exp()
    return torch.where(d >= 0, -least * torch.expm1(-d), torch.tanh(d / 2))


def of_logits(differences: Tensor) -> Tensor:
    """Return the differences, which are the margins where f is a logit."""
    return differences.double()


MARGINS: dict[str, Callable[[Tensor], Tensor]] = {"probs": of_probabilities, "logits": of_logits}

# Length of the interval that holds a margin; margins of logits have none.
WIDTHS = {"probs": 2.0}


def margins_of(output: str) -> Callable[[Tensor], Tensor]:
    """Return the bound for what the discriminant functions are.

    Raises:
        NoBoundsError: for functions that have none.
    """
    if output not in MARGINS:
        raise NoBoundsError(
            f"margins of the output '{output}' have no bounds; those of {', '.join(MARGINS)} have"
        )
    return MARGINS[output]
