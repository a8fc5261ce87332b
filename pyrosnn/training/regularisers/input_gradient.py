"""`input-gradient`: the squared length of the loss's gradient at the image."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from torch import Tensor

from pyrosnn.settings import OneOf
from pyrosnn.training.regularisers.regulariser import Regulariser

if TYPE_CHECKING:
    from pyrosnn.training.step import Step

AVERAGES: dict[str, Callable[[Tensor], Tensor]] = {
    "squares": lambda gradients: gradients.flatten(2).square().sum(-1).mean(0),
    "gradients": lambda gradients: gradients.mean(0).flatten(1).square().sum(-1),
}


@dataclass(frozen=True, kw_only=True)
class InputGradient(Regulariser):
    r"""Input-gradient regularisation (double backpropagation).

    Adds $\lambda \frac1N \sum_n \frac1S \sum_s \|g_{s,n}\|^2$ with the gradient $g_{s,n}$ of
    $-\log p(y_n \mid x_n, \theta_s)$ at the image: a small gradient is a loss that a small δ
    changes little. The images are those before an attack, and batch norm has its running
    statistics, so that the penalty of an image does not depend on its batch.

    Attributes:
        average: quantity that the penalty averages over the samples. With ``squares`` it is
            $\|g_s\|^2$; ``gradients``, $\|\frac1S \sum_s g_s\|^2$, leaves the samples free to
            disagree.

    References:
        A. S. Ross, F. Doshi-Velez, AAAI 2018, as ``l2_double_backprop`` in
        adversarial_robustness/neural_network.py of
        github.com/dtak/adversarial-robustness-public. Their λ is for gradients of the
        mean loss of a batch of B, halved: λ = λ_Ross / (2 B) here. H. Drucker, Y. Le Cun, 1992.

    Example:
        >>> InputGradient(weight=0.1).average
        'squares'
    """

    average: Annotated[str, OneOf(AVERAGES)] = "squares"

    def penalty(self, step: "Step") -> Tensor:
        """Return the squared length of each image's gradient."""
        return AVERAGES[self.average](step.input_gradients)
