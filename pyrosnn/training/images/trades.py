"""`trades`: the loss at x, plus the divergence of the prediction at x + δ."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge
from torch import Tensor

from pyrosnn.training.images.attacked import AttackedImages
from pyrosnn.training.objectives.pooled import label_logits

if TYPE_CHECKING:
    from pyrosnn.training.step import Step


@dataclass(frozen=True, kw_only=True)
class Trades(AttackedImages):
    r"""TRADES: the objective at x, plus β times the divergence of the predictions at x + δ.

    The loss is $L(x) + \beta \frac1S \sum_s \mathrm{KL}(p(\cdot \mid x, \theta_s) \,\|\,
    p(\cdot \mid x + \delta, \theta_s))$. Both sides of the divergence have the
    same θ_s. With samples of their own it would be above 0 at δ = 0, and penalise the noise, not
    how much the prediction depends on the image. The inner attack is any attack on the labels, from
    x on; the original's ascends the divergence itself, which needs no labels, from beside x.

    Attributes:
        beta: weight of the divergence, β. The original has 6 on CIFAR-10 and 1 on MNIST.

    References:
        H. Zhang et al., Theoretically principled trade-off between robustness and accuracy, ICML
        2019, as ``trades_loss`` in trades.py of github.com/yaodongyu/TRADES.

    Example:
        >>> Trades(strength=0.3).beta
        6.0
    """

    beta: Annotated[float, Ge(0)] = 6.0

    def loss(self, step: "Step") -> Tensor:
        """Return the objective at x and the weighted divergence."""
        clean = step.clean
        if self.warming_up(step):
            return step.loss(clean)
        attacked = step.evaluate(self.attacked(step))
        divergence = prediction_divergence(label_logits(clean), label_logits(attacked))
        return step.loss(clean) + self.beta * divergence.mean()


def prediction_divergence(first: Tensor, second: Tensor) -> Tensor:
    """Return KL(p ‖ q) over the classes.

    Args:
        first: log p, shape (…, class).
        second: log q, shape (…, class).
    """
    return (first.exp() * (first - second)).sum(-1)
