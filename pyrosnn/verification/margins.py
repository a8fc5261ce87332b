r"""Lower bounds of margins $f_y - f_c$ of a sample, from bounds of differences of its logits."""

from collections.abc import Callable

import torch
from torch import Tensor

from pyrosnn.errors import NoBoundsError

# From lower and upper bounds of z_y - z_j, and where the label is; all broadcast to (…, class).
Margins = Callable[[Tensor, Tensor, Tensor], Tensor]


def of_probabilities(lower: Tensor, upper: Tensor, label: Tensor) -> Tensor:
    r"""Return the least $f_y - f_c$ where f is the softmax.

    It is $(1 - e^{-t_c}) / (1 + e^{-t_c} + \sum_{j \ne y, c} e^{-t_j})$ with $t_j = z_y - z_j$,
    and rises with $t_c$. Where $t_c$ may be negative, the other classes are as large as they must
    be, $t_j = u_j$; else as large as they can be, $t_j = d_j$.

    Args:
        lower: $d_j \le z_y - z_j$, shape (…, class), 0 at the label.
        upper: $u_j \ge z_y - z_j$, likewise.
        label: whether a class is the label, broadcasts to the others.

    Returns:
        Shape (…, class), float64, 0 at the label.

    Example:
        >>> d, u = torch.tensor([0.0, 2.0]), torch.tensor([0.0, 3.0])
        >>> margins = of_probabilities(d, u, torch.tensor([True, False]))  # two classes: tanh(1)
        >>> margins.round(decimals=4).tolist()
        [0.0, 0.7616]
    """
    d, u = lower.double(), upper.double()
    all_of_them = (-torch.logsumexp(-d, -1, keepdim=True)).exp()
    must = torch.logsumexp((-u).masked_fill(label, -torch.inf), -1, keepdim=True)
    others = ((d + must).exp() - (d - u).exp()).clamp(min=0)
    wrong = torch.expm1(d) / (1 + d.exp() + others)
    return torch.where(d >= 0, -all_of_them * torch.expm1(-d), wrong)


def of_logits(lower: Tensor, upper: Tensor, label: Tensor) -> Tensor:
    """Return the lower bounds of differences: the margins, where f is a logit."""
    return lower.double()


MARGINS: dict[str, Margins] = {"probs": of_probabilities, "logits": of_logits}

# Length of the interval that holds a margin; margins of logits have none.
WIDTHS = {"probs": 2.0}


def margins_of(output: str) -> Margins:
    """Return the bound for what the discriminant functions are.

    Raises:
        NoBoundsError: for functions that have none.
    """
    if output not in MARGINS:
        raise NoBoundsError(
            f"margins of the output '{output}' have no bounds; those of {', '.join(MARGINS)} have"
        )
    return MARGINS[output]
