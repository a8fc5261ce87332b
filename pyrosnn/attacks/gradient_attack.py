"""The base class of attacks with a configurable loss."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from torch import Tensor

from pyrosnn.attacks.attack import Attack
from pyrosnn.attacks.averages import GRADIENTS
from pyrosnn.attacks.losses import LOSSES
from pyrosnn.attacks.maximised import AttackLoss
from pyrosnn.attacks.problem import Problem
from pyrosnn.models.precision import PRECISIONS
from pyrosnn.settings import OneOf


@dataclass(frozen=True, kw_only=True)
class GradientAttack(Attack):
    """Settings of an attack that maximises a loss, along its gradient or an estimate of it.

    Attributes:
        loss: loss that the attack maximises.
        gradient: quantity that the attack averages over its samples. ``mean_prediction`` is the
            paper's equation 2.
        precision: precision of the attacker's networks. ``full`` is the classifier's; ``bf16``
            takes half the memory, and half the time on processors that multiply in it.
    """

    loss: Annotated[str, OneOf(LOSSES)] = "cross-entropy"
    gradient: Annotated[str, OneOf(GRADIENTS)] = "mean_prediction"
    precision: Annotated[str, OneOf(PRECISIONS)] = "full"

    chooses_loss: ClassVar[bool] = True
    follows_gradient: ClassVar[bool] = True

    @property
    def maximised(self) -> AttackLoss:
        """The loss that the settings name."""
        return AttackLoss(loss=self.loss, gradient=self.gradient, precision=self.precision)

    def stay(self, problem: Problem) -> Tensor:
        """Return δ = 0; compute one gradient, if the attack uses it, to flag where it is zero."""
        if self.follows_gradient:
            problem.gradient()
        return super().stay(problem)
